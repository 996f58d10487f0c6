"""A conversation: the only place where a provider and a storage meet."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import aclosing
from dataclasses import replace
from functools import cached_property
from typing import Any, Literal, TypeVar

from ..attachments import attached, parts_of
from ..errors import ConfigurationError
from ..interfaces import IProviderSession, ISession, ISessionStorage
from ..models import SessionMessage
from ..stream_events import HistoryLeftOut, StreamEvent, TextDelta
from .history_window import HistoryWindow
from .provider_stream import restore_history
from .recorded_provider import RecordedProvider
from .stored_session import StoredSession
from .structured_output import OutputForm, structured
from .summary import SUMMARY, summarize
from .tools import Approval, Tool, Toolbox, checked_approval
from .turn import BringIntoStep, Stopping, Turn, TurnSurroundings, reply_of

logger = logging.getLogger(__name__)

T = TypeVar("T")


class Session(StoredSession, ISession):
    """One conversation of one user with one model. Made by a SessionManager; the keywords are StoredSession's."""

    def __init__(self, *, open_provider: Callable[[], IProviderSession], **kept: Any) -> None:
        super().__init__(**kept)
        self._open_provider = open_provider
        self._turn: Turn | None = None
        self._provider_in_step = kept.get("message_count") is None
        self._window = HistoryWindow(self.provider, self.model, self.session_id)
        self._tools = Toolbox()
        self._stored_provider_id = self._state.context.provider_context.get("provider_session_id")

    @property
    def provider_session(self) -> IProviderSession:
        """The provider's side. What is sent through it is recorded here like any other turn."""
        return RecordedProvider(self, self._provider)

    @cached_property
    def _provider(self) -> IProviderSession:
        # Opened on first use: a stored session can be read where its provider is not configured.
        return self._open_provider()

    @property
    def provider_session_id(self) -> str | None:
        """The id under which the provider knows the conversation."""
        return self._provider.provider_session_id

    async def send_message(
        self, content: str, role: str = "user", metadata: dict[str, Any] | None = None, *, attachments: Any = None
    ) -> SessionMessage:
        """Send `content` and return the stored reply; with role "system", store it and return it.

        `attachments` is one thing, a list of things or a mapping of names to things that the model shall see: paths,
        bytes, PIL images, matplotlib or plotly figures, DataFrames. With one, `content` may be empty.

        Raises TurnInterruptedError when stopped, a ProviderError when the provider fails; what had come is kept.
        """
        if role == "system":
            return await self.add_message("system", content, metadata=metadata)
        return await reply_of(self.stream(content, role, metadata, attachments=attachments))

    async def send_message_stream(
        self, content: str, role: str = "user", metadata: dict[str, Any] | None = None, *, attachments: Any = None
    ) -> AsyncGenerator[str, None]:
        """Send `content` and yield the reply's text as it comes."""
        async with aclosing(self.stream(content, role, metadata, attachments=attachments)) as events:
            async for event in events:
                if isinstance(event, TextDelta):
                    yield event.text

    def stream(
        self,
        content: str,
        role: str = "user",
        metadata: dict[str, Any] | None = None,
        *,
        attachments: Any = None,
        output_form: OutputForm | None = None,
    ) -> AsyncGenerator[StreamEvent, None]:
        """Send `content` and yield what happens, from TurnStarted to TurnCompleted.

        A busy session makes the caller wait its turn, in order. Leaving the loop early stops the turn and keeps what
        had come. `attachments` are as in `send_message`; `output_form` is what the reply's text has to fit.
        """
        self._require_content(content, attachments)

        async def question() -> SessionMessage:
            message = self._conversation.next_message(role, content, metadata)
            if attachments is not None:
                message.parts = await asyncio.to_thread(parts_of, attachments)
            return message

        return self._take_turn(question, output_form=output_form)

    async def send_structured(
        self,
        content: str,
        model: type[T],
        *,
        metadata: dict[str, Any] | None = None,
        attachments: Any = None,
        max_attempts: int = 3,
    ) -> T:
        """Send `content` and return the reply as a validated `model`: a pydantic model, or any type pydantic knows.

        A reply that does not fit goes back with what is wrong, up to `max_attempts` replies in all; each is stored like
        any other. ProviderRefusedError when none of them fits.
        """
        return await structured(self, content, model, metadata, attachments, max_attempts)

    def register_tool(
        self,
        function: Callable[..., Any],
        *,
        name: str | None = None,
        approve: Approval | Literal["ask"] | None = None,
        timeout_s: float | None = 120.0,
    ) -> Callable[..., Any]:
        """Let the model call `function`, plain or async, from the next turn on, and return it; works as a decorator.

        The model is told its name, docstring and arguments. `approve(call)` is asked before each call and answers True,
        or anything else, such as the reason, to refuse; "ask" asks whoever sees the session in a chat panel, nobody
        there is a refusal. Tools are not stored: register them again in a new process.
        """
        self._tools.add(Tool(function, name, approve, timeout_s))
        return function

    def unregister_tool(self, name: str) -> None:
        """Take a tool away; ConfigurationError where there is none of this name."""
        self._tools.remove(name)

    @property
    def tools(self) -> list[str]:
        """The names of the tools that the model may call."""
        return self._tools.names

    def approve_tools(self, approve: Approval | Literal["ask"] | None) -> None:
        """Ask `approve(call)`, plain or async, before every call of any tool; "ask" is as for one tool, None nobody."""
        self._tools.approve = checked_approval(approve)

    def ask_through(self, asker: Approval | None) -> None:
        """Let `asker(call)` answer for tools with `approve="ask"`; None where nobody is there to ask any more."""
        self._tools.asker = asker

    async def regenerate(self, message_id: str | None = None) -> SessionMessage:
        """Return a new reply in place of `message_id` (the last reply when None); the old one stays as a branch."""
        return await reply_of(self.stream_regenerated(message_id))

    def stream_regenerated(self, message_id: str | None = None) -> AsyncGenerator[StreamEvent, None]:
        """Generate a reply again and yield what happens, as `stream` does."""

        async def question() -> SessionMessage:
            self._provider_in_step = False
            return await self._conversation.return_to_question(message_id)

        return self._take_turn(question, store_question=False)

    async def edit(self, message_id: str, content: str, *, attachments: Any = None) -> SessionMessage:
        """Return the reply to `content` sent in place of the user's message `message_id`, as a new branch."""
        return await reply_of(self.stream_edited(message_id, content, attachments=attachments))

    def stream_edited(
        self, message_id: str, content: str, metadata: dict[str, Any] | None = None, *, attachments: Any = None
    ) -> AsyncGenerator[StreamEvent, None]:
        """Send `content` in place of `message_id` and yield what happens.

        `metadata` and `attachments` default to the old message's; `[]` leaves the attachments out.
        """
        keeps_parts_only = attachments is None and content == ""
        if not keeps_parts_only:
            self._require_content(content, attachments)

        async def question() -> SessionMessage:
            if keeps_parts_only:
                original = await self._conversation.find(message_id)
                self._require_content(content, attached(original.parts))
            self._provider_in_step = False
            original = await self._conversation.return_before(message_id)
            kept = original.metadata if metadata is None else metadata
            message = self._conversation.next_message("user", content, kept)
            if attachments is None:
                return replace(message, parts=attached(original.parts))
            return replace(message, parts=await asyncio.to_thread(parts_of, attachments))

        return self._take_turn(question)

    async def get_provider_metadata(self) -> dict[str, Any]:
        """Return what the provider knows of the conversation; never a key."""
        return await self._provider.get_provider_metadata()

    def take_tools_of(self, other: Session) -> None:
        """Let the model call the tools of `other`, too, and ask whom `other` asks."""
        self._tools.join(other._tools)

    def cancel(self) -> Stopping:
        """Stop the turn in flight, at once and from any thread; awaiting the result waits until it has ended."""
        turn = self._turn
        if turn is None:
            return Stopping(None)
        turn.stop()
        return Stopping(turn.ended)

    async def close(self) -> None:
        """Stop what runs and let go of the provider; the conversation stays stored."""
        await self.cancel()
        await self._let_provider_go()

    async def _let_provider_go(self) -> None:
        # One that was never opened holds nothing, and may not even be configured here.
        if "_provider" in self.__dict__:
            await self._provider.cleanup_provider_resources()
        self._provider_in_step = False

    async def _take_turn(
        self,
        find_question: Callable[[], Awaitable[SessionMessage]],
        *,
        store_question: bool = True,
        output_form: OutputForm | None = None,
    ) -> AsyncGenerator[StreamEvent, None]:
        async with self._turns:
            await self._require_open()
            turn = self._new_turn(await find_question(), store_question, output_form)
            self._turn = turn
            try:
                async with aclosing(turn.run()) as events:
                    async for event in events:
                        yield event
            finally:
                self._turn = None
                for message in turn.stored:
                    self._conversation.append(message)
                self._freshness.wrote()
                self._provider_in_step = turn.reply_stored and turn.reply.status == "complete"
                if self._provider_in_step:
                    self._window.took(turn.stored)
                await self._keep_provider_id()

    def _new_turn(self, question: SessionMessage, store_question: bool, output_form: OutputForm | None) -> Turn:
        reply = self._conversation.reply_to(question, self.provider, self.model, self.config.provider_config)
        surroundings = TurnSurroundings(
            self._storage, self._provider, self._middleware, self._hooks, self.config, self._state.context, self._tools
        )
        return Turn(
            surroundings,
            question,
            reply,
            self._sync_provider(question),
            store_question=store_question,
            output_schema=output_form.schema if output_form else None,
        )

    def _sync_provider(self, question: SessionMessage) -> BringIntoStep:
        async def sync(
            steps: Sequence[SessionMessage] = (), results: Sequence[SessionMessage] = ()
        ) -> HistoryLeftOut | None:
            said = [question, *steps, *results]
            self._window.told = getattr(self._provider, "context_window", None)
            if (steps or self._provider_in_step) and await self._window.still_fits(said, self.config):
                return self._window.left_out
            self._provider_in_step = False
            new = {message.message_id for message in said}
            messages = await self.get_messages()
            known = [m for m in messages if m.message_id not in new and (m.content or m.parts)]
            shown = await self._window.fit(known, said, self.config, self._state.context, self._summary)
            if shown.summary is not None:
                context = await self.get_context()
                context.conversation_context["summary"] = shown.summary
                await self._state.replace_context(context)
            await restore_history(self._provider, [*shown.messages, *([question, *steps] if steps else [])])
            return shown.left_out

        return sync

    async def _summary(self, messages: Sequence[SessionMessage], behind: SessionMessage) -> str:
        """Return what the provider itself makes of `messages`; the conversation is told to it anew afterwards.

        The request is paid for like any other, so it has a row of its own, beside the conversation's branches.
        """
        if getattr(self._provider, "restore", None) is None:
            raise ConfigurationError(
                f"The provider {self.provider!r} cannot summarize: it has no restore(). Use history='fit'.",
                self.session_id,
            )
        await restore_history(self._provider, messages)
        reply = self._conversation.beside(behind, self.provider, self.model, SUMMARY)
        await summarize(self._provider, reply)
        reply = await self._middleware.process(reply, self._state.context, reply=True)
        await self._storage.add_message(self.session_id, reply)
        return reply.content

    async def _keep_provider_id(self) -> None:
        """Store the id under which the provider knows the conversation, where the turn has changed it."""
        current = self._provider.provider_session_id
        if current == self._stored_provider_id or type(self._storage).update_session is ISessionStorage.update_session:
            return
        try:
            await self._storage.update_session(self.session_id, {"provider_session_id": current})
        except Exception:
            # The newest reply's metadata name it as well; a turn does not fail for it.
            logger.warning("could not store the provider's id of session %s", self.session_id, exc_info=True)
        else:
            self._stored_provider_id = current

    async def _stop(self) -> None:
        await self.cancel()

    async def _provider_options_changed(self, options: dict[str, Any]) -> None:
        await self._provider.update_provider_config(options)

    def _history_changed(self) -> None:
        self._provider_in_step = False
