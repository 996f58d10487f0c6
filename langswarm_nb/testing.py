"""The contract of a provider, to run over one of your own.

from langswarm_nb.testing import check_provider

for sentence in await check_provider(MyProviderSession):
    print(sentence)
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import aclosing
from typing import Any

from .errors import SessionError
from .interfaces import IProviderSession, TextDelta, TurnCompleted
from .manager.manager import create_session_manager
from .models import SessionMessage
from .providers import ProviderSessionFactory
from .session import Session

PLANTED_KEY = "planted-key-0123456789"
_NAME = "provider under test"


async def check_provider(
    factory: Callable[[str, str, dict[str, Any]], IProviderSession],
    model: str = "test-model",
    config: dict[str, Any] | None = None,
) -> list[str]:
    """Return what holds for the sessions of `factory`, one sentence each; AssertionError at the first that does not.

    `factory(session_id, model, config)` is what `register_provider` takes. Seven turns are made, so let it speak to a
    server of the test's own. In place of a key it is given a planted one, unless `config` has an `api_key`.
    """
    options = {"api_key": PLANTED_KEY, **(config or {})}
    ProviderSessionFactory.register_provider(_NAME, factory)
    try:
        async with create_session_manager(storage="memory", providers={_NAME: options["api_key"]}) as manager:

            async def opened() -> Session:
                return await manager.create_session("ada", _NAME, model, provider_config=options)

            return [
                _is_a_provider(factory("session-1", model, dict(options))),
                await _replies(await opened()),
                await _streams(await opened()),
                await _goes_on_after_a_stop(await opened()),
                await _keeps_its_key(factory("session-2", model, dict(options)), options["api_key"]),
                await _goes_on_from_a_history(await opened()),
                await _cleans_up_twice(factory("session-3", model, dict(options))),
            ]
    finally:
        ProviderSessionFactory.unregister_provider(_NAME)


def _is_a_provider(provider: IProviderSession) -> str:
    assert isinstance(provider, IProviderSession), f"{type(provider).__name__} is no IProviderSession."
    found = provider.provider_session_id
    assert found is None or isinstance(found, str), "provider_session_id is neither None nor a text."
    return "It is an IProviderSession, and its id can be read before the first turn."


async def _replies(session: Session) -> str:
    reply = await session.send_message("Say something.")
    assert isinstance(reply, SessionMessage), "send_message() returned no SessionMessage."
    assert reply.role == "assistant", f"The reply's role is {reply.role!r}, not 'assistant'."
    assert reply.content, "The reply is empty."
    stored = [(message.role, message.content) for message in await session.get_messages()]
    assert stored == [("user", "Say something."), ("assistant", reply.content)], "Not what was said is stored."
    return "It answers, and question and reply are stored."


async def _streams(session: Session) -> str:
    pieces: list[str] = []
    reply: SessionMessage | None = None
    async for event in session.stream("Say something, bit by bit."):
        if isinstance(event, TextDelta):
            pieces.append(event.text)
        elif isinstance(event, TurnCompleted):
            reply = event.message
    assert reply is not None, "The stream ended without TurnCompleted."
    assert "".join(pieces) == reply.content, "The pieces of the stream do not make up the reply."
    assert reply.finish_reason, "No finish_reason: yield Completed(finish_reason=...) last."
    return f"It streams ({len(pieces)} pieces), and the pieces make up the stored reply."


async def _goes_on_after_a_stop(session: Session) -> str:
    async with aclosing(session.stream("Say something long.")) as events:
        async for event in events:
            if isinstance(event, TextDelta):
                break
    stored = (await session.get_messages())[-1]
    assert stored.content, "What had come before the stop is lost."
    reply = await session.send_message("Go on.")
    assert reply.content, "There is no reply after a turn that was stopped."
    return "A turn may be stopped in the middle; the next one works."


async def _keeps_its_key(provider: IProviderSession, key: str) -> str:
    assert key not in repr(await provider.get_provider_metadata()), "get_provider_metadata() shows the key."
    said = await _reply_or_error(provider)
    assert key not in said, "A reply or an error shows the key."
    assert key not in repr(provider), "repr() of the provider shows the key."
    return "The key is in no metadata, reply, error or repr()."


async def _reply_or_error(provider: IProviderSession) -> str:
    try:
        return repr(await provider.send_message("Say something."))
    except SessionError as error:
        return f"{error!r} {error.context}"


async def _goes_on_from_a_history(session: Session) -> str:
    await session.add_messages([{"role": "user", "content": "I am Ada."}, {"role": "assistant", "content": "Hello."}])
    reply = await session.send_message("Who am I?")
    assert reply.content, "There is no reply in a conversation that was stored elsewhere."
    return "It goes on with a conversation that it did not lead."


async def _cleans_up_twice(provider: IProviderSession) -> str:
    await provider.cleanup_provider_resources()
    await provider.cleanup_provider_resources()
    return "Cleaning up twice does no harm."
