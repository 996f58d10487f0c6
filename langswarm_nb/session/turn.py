"""One turn: a user's message and all that answers it.

The turn runs as a task of its own, so that what has come is kept whatever happens to the one who listens.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import logging
import math
import time
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Generator, Iterator
from concurrent.futures import Future
from contextlib import aclosing
from dataclasses import asdict, dataclass, replace
from typing import Any

from ..attachments import attached
from ..clock import new_id, now
from ..errors import SessionError, StorageError, StorageLockedError, TurnInterruptedError
from ..hooks import HookDispatcher
from ..interfaces import IProviderSession, ISessionStorage
from ..middleware import MiddlewareChain
from ..models import SessionConfig, SessionContext, SessionMessage
from ..pricing import price_reply
from ..redaction import mask_secrets
from ..reply import ReplyDraft
from ..stream_events import HistoryLeftOut, ReasoningDelta, StreamEvent, TextDelta, ToolCall, TurnCompleted, TurnStarted
from .collector import sparing_the_collector
from .provider_stream import provider_events
from .tool_calling import ToolCalling
from .tools import Toolbox
from .turn_errors import interrupted, stood_still, took_too_long, unexpected

logger = logging.getLogger(__name__)

# A killed kernel loses at most two seconds of text: half of that between checkpoints, the rest for writing one.
CHECKPOINT_EVERY_S = 1.0
# So much of the time that a provider may be silent can be added to it.
_SLACK = 0.05

# Called with this turn's steps and the results to come next; returns what the provider was not told of.
BringIntoStep = Callable[..., Awaitable[HistoryLeftOut | None]]


@dataclass(frozen=True)
class TurnSurroundings:
    """What a turn works with."""

    storage: ISessionStorage
    provider: IProviderSession
    middleware: MiddlewareChain
    hooks: HookDispatcher
    config: SessionConfig
    context: SessionContext
    tools: Toolbox


class Turn:
    """Stages: begin (the user's message is durable), listen (the reply streams), finish (the reply is durable).

    Where the model asks for tools, what it said so far and what came of the calls become messages of their own, and
    it is listened to again. `stored` has what the turn has added to the conversation.

    With `store_question` False the question is in storage already: a reply is being generated again.
    `bring_into_step` tells the provider the history, as much as it can take. `output_schema` is what the reply has to
    fit.
    """

    def __init__(
        self,
        surroundings: TurnSurroundings,
        question: SessionMessage,
        reply: SessionMessage,
        bring_into_step: BringIntoStep,
        *,
        store_question: bool = True,
        output_schema: dict[str, Any] | None = None,
    ) -> None:
        self._with = surroundings
        self.question = question
        self.reply = reply
        self._blank = replace(reply)
        self._bring_into_step = bring_into_step
        self._output_schema = output_schema
        self._draft = ReplyDraft()
        self._events: asyncio.Queue[StreamEvent | None] = asyncio.Queue()
        self._task: asyncio.Task[None] | None = None
        self._stopped = False
        self._error: SessionError | None = None
        self._began = 0.0
        self._checkpointed = False
        self.stored: list[SessionMessage] = []
        self.question_stored = not store_question
        self.reply_stored = False
        self.ended: Future[None] = Future()

    async def run(self) -> AsyncGenerator[StreamEvent, None]:
        """Yield the turn's events; raise its error, if any, after the last one."""
        self._task = asyncio.create_task(self._work())
        try:
            while (event := await self._events.get()) is not None:
                yield event
        finally:
            # Whoever stops listening stops the turn; what has come is stored before this returns.
            if not self._task.done():
                self._task.cancel()
                await asyncio.shield(asyncio.wait([self._task]))
        if self._error is not None:
            raise self._error

    def stop(self) -> None:
        """Stop the turn; callable from any thread."""
        task = self._task
        self._stopped = True
        if task is not None and not task.done():
            task.get_loop().call_soon_threadsafe(task.cancel)

    async def _work(self) -> None:
        try:
            await self._begin()
            if self._stopped:
                raise asyncio.CancelledError
            await self._listen()
        except asyncio.CancelledError:
            self._error = interrupted(self.reply, nothing_came=self._draft.is_empty)
        except SessionError as error:
            self._error = error
        except Exception as error:
            self._error = unexpected(error, self.reply)
        try:
            if self.question_stored:
                await self._uninterrupted(self._finish())
            if self._error is not None:
                await self._tell_of(self._error)
        except Exception as error:
            self._error = error if isinstance(error, SessionError) else unexpected(error, self.reply)
        finally:
            self._events.put_nowait(None)
            self.ended.set_result(None)

    async def _begin(self) -> None:
        if not self.question_stored:
            # Middleware may hold a message back for a while: that can be stopped. Storing it cannot.
            self.question = await self._with.middleware.process(self.question, self._with.context)
            await self._uninterrupted(self._keep_question())
        self._events.put_nowait(TurnStarted(self.question, self.reply.message_id))

    async def _keep_question(self) -> None:
        await self._keep([self.question])
        self.question_stored = True
        await self._with.hooks.notify("on_message_sent", self.question.session_id, self.question)

    async def _listen(self) -> None:
        self._note_left_out(await self._bring_into_step())
        deadline = asyncio.timeout(self._with.config.timeout_s)
        try:
            with self._checkpoints(), sparing_the_collector():
                async with deadline:
                    await self._take_steps()
        except TimeoutError as error:
            if not deadline.expired():
                raise
            raise took_too_long(self._with.config, self.reply) from error

    async def _take_steps(self) -> None:
        results: list[SessionMessage] = []
        for step in itertools.count(1):
            await self._take_step(results)
            calls = self._draft.tool_calls
            if not calls or not self._with.tools:
                return
            if step >= self._with.config.max_steps:
                self._draft.ended_by("max_steps")
                return
            results = await self._answer(calls)
            begins = len(self.stored) - len(results)
            steps = [message for message in self.stored[:begins] if message is not self.question]
            self._note_left_out(await self._bring_into_step(steps, results))

    def _note_left_out(self, left_out: HistoryLeftOut | None) -> None:
        told = self._blank.metadata.get("history")
        if left_out is not None and told != asdict(left_out):
            self._blank.metadata["history"] = self.reply.metadata["history"] = asdict(left_out)
            self._events.put_nowait(left_out)

    async def _take_step(self, results: list[SessionMessage]) -> None:
        self._began = time.perf_counter()
        self.reply.timestamp = now()
        patience = asyncio.timeout(self._with.config.idle_timeout_s)
        try:
            async with patience:
                await self._take_events(patience, results)
        except TimeoutError as error:
            if not patience.expired():
                raise
            raise stood_still(self._with.config, self.reply) from error

    async def _take_events(self, patience: asyncio.Timeout, results: list[SessionMessage]) -> None:
        idle = self._with.config.idle_timeout_s
        loop = asyncio.get_running_loop()
        set_at = -math.inf
        async with aclosing(self._asked(results)) as events:
            async for event in events:
                # Setting a timer for each of thousands of chunks would cost more than passing them on.
                if idle is not None and loop.time() - set_at > idle * _SLACK:
                    set_at = loop.time()
                    patience.reschedule(set_at + idle * (1 + _SLACK))
                if self.reply.time_to_first_chunk_s is None and isinstance(event, (TextDelta, ReasoningDelta)):
                    self.reply.time_to_first_chunk_s = time.perf_counter() - self._began
                self._draft.add(event)
                self._events.put_nowait(event)

    def _asked(self, results: list[SessionMessage]) -> AsyncGenerator[Any, None]:
        question, provider = self.question, self._with.provider
        more: dict[str, Any] = {"tools": self._with.tools.specs, "output_schema": self._output_schema}
        if results:
            return provider_events(provider, "", "tool", None, tool_results=results, **more)
        parts = attached(question.parts)
        return provider_events(provider, question.content, question.role, question.metadata, parts=parts, **more)

    async def _answer(self, calls: list[ToolCall]) -> list[SessionMessage]:
        """Return the results of `calls`, stored behind the calls; each call gets one, also when the turn is stopped."""
        await self._uninterrupted(self._keep_step())
        calling = ToolCalling(self._with.tools, self._with.middleware, self._with.context, self._events.put_nowait)
        asked = self.stored[-1]
        if not self._stopped:
            try:
                await calling.run(calls, asked)
            except asyncio.CancelledError:
                self._stopped = True
        results = calling.results(calls, asked)
        await self._uninterrupted(self._keep(results))
        self.reply = replace(
            self._blank,
            parent_id=results[-1].message_id,
            seq=(results[-1].seq or 0) + 1,
            metadata=dict(self._blank.metadata),
        )
        if self._stopped:
            raise asyncio.CancelledError
        return results

    async def _keep_step(self) -> None:
        """Store what the model said before its calls; the id that was announced stays the last reply's."""
        step = replace(self.reply, message_id=new_id(), metadata=dict(self.reply.metadata))
        self._draft.fill(step)
        self._stamp(step)
        await price_reply(step)
        step = await self._with.middleware.process(step, self._with.context, reply=True)
        await self._keep([step])
        self._draft = ReplyDraft()
        if self._checkpointed:
            # What is kept under the reply's id has become a message of its own.
            self._checkpointed = False
            behind = {"parent_id": step.message_id, "seq": (step.seq or 0) + 1}
            with contextlib.suppress(Exception):
                await self._with.storage.checkpoint(replace(self._blank, status="streaming", **behind))
        await self._with.hooks.notify("on_message_received", step.session_id, step)

    async def _keep(self, messages: list[SessionMessage]) -> None:
        for message in messages:
            await self._store(message)
            self.stored.append(message)

    @contextlib.contextmanager
    def _checkpoints(self) -> Iterator[None]:
        """Keep checkpoints of the reply, once it takes long enough to need one."""
        keeping: list[asyncio.Task[None]] = []

        def begin() -> None:
            keeping.append(asyncio.create_task(self._keep_checkpoints()))

        timer = asyncio.get_running_loop().call_later(CHECKPOINT_EVERY_S, begin)
        try:
            yield
        finally:
            timer.cancel()
            for task in keeping:
                task.cancel()

    async def _keep_checkpoints(self) -> None:
        kept = 0
        for number in itertools.count():
            await asyncio.sleep(CHECKPOINT_EVERY_S if number else 0)
            text = self._draft.text
            if len(text) == kept or not text:
                continue
            try:
                partial = replace(self.reply, status="streaming")
                self._draft.fill(partial)
                partial = await self._with.middleware.process_partial(partial, self._with.context)
                await self._with.storage.checkpoint(partial)
            except Exception:
                logger.warning("could not checkpoint the reply of session %s", self.reply.session_id, exc_info=True)
            else:
                kept = len(text)
                self._checkpointed = True

    async def _finish(self) -> None:
        self._draft.fill(self.reply)
        self._stamp(self.reply)
        await price_reply(self.reply)
        self._set_status()
        if self._error is None or not self._draft.is_empty:
            await self._pass_middleware()
        await self._keep_reply()
        self.reply_stored = True
        self._events.put_nowait(TurnCompleted(self.reply))
        if self._error is None:
            await self._with.hooks.notify("on_message_received", self.reply.session_id, self.reply)

    async def _keep_reply(self) -> None:
        try:
            await self._keep([self.reply])
        except StorageLockedError as error:
            # It was paid for and is here: a storage that can goes on trying. The caller still hears of it.
            write_later = getattr(self._with.storage, "write_later", None)
            if write_later is None:
                raise
            write_later(self.reply.session_id, self.reply)
            self.stored.append(self.reply)
            self._error = self._error or error

    async def _pass_middleware(self) -> None:
        try:
            self.reply = await self._with.middleware.process(self.reply, self._with.context, reply=True)
        except SessionError as error:
            # What a middleware refuses is not kept: it may be what must not be stored.
            self.reply.content, self.reply.parts = "", []
            self._error = self._error or error
            self._set_status()

    def _stamp(self, reply: SessionMessage) -> None:
        reply.completed_at = now()
        if self._began:
            reply.duration_s = time.perf_counter() - self._began
            reply.processing_time_ms = reply.duration_s * 1000

    def _set_status(self) -> None:
        error = self._error
        if error is None:
            self.reply.status = "complete"
            return
        self.reply.status = "interrupted" if isinstance(error, TurnInterruptedError) else "error"
        self.reply.error_type = type(error).__name__
        self.reply.error_message = mask_secrets(error.message)

    async def _tell_of(self, error: SessionError) -> None:
        session_id = self.reply.session_id
        await self._with.middleware.on_error(session_id, error, self._with.context)
        await self._with.hooks.notify("on_session_error", session_id, error)

    async def _uninterrupted(self, stage: Awaitable[Any]) -> Any:
        """Return the stage's result even if this task is cancelled meanwhile; the wish to stop is remembered."""
        work = asyncio.ensure_future(stage)
        while not work.done():
            try:
                await asyncio.shield(work)
            except asyncio.CancelledError:
                self._stopped = True
            except Exception:
                break
        return work.result()

    async def _store(self, message: SessionMessage) -> None:
        try:
            await self._with.storage.add_message(message.session_id, message)
        except SessionError:
            raise
        except Exception as error:
            raise StorageError(
                f"The {message.role}'s message could not be stored: {mask_secrets(str(error))}", message.session_id
            ) from error


class Stopping:
    """The answer to `cancel()`: true if there was a turn to stop; awaiting it waits until the turn has ended."""

    def __init__(self, ended: Future[None] | None) -> None:
        self._ended = ended

    def __bool__(self) -> bool:
        return self._ended is not None

    def __await__(self) -> Generator[Any, None, bool]:
        if self._ended is not None:
            yield from asyncio.wait([asyncio.wrap_future(self._ended)]).__await__()
        return bool(self)


async def reply_of(events: AsyncIterator[StreamEvent]) -> SessionMessage:
    """Return the reply that a turn's events end with; raise the turn's error."""
    reply: SessionMessage | None = None
    async for event in events:
        if isinstance(event, TurnCompleted):
            reply = event.message
    assert reply is not None, "a turn without an error ends with its reply"
    return reply
