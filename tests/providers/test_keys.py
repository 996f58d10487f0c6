"""A key is nowhere where somebody could read it: every place is searched for it."""

from __future__ import annotations

import asyncio
import io
import json
import logging
import traceback

import pytest
from wire_scripts import PATHS, calls, says
from wire_server import refusal

import langswarm_nb as ls

KEY = "planted-0123456789-abcdefghij"
HEADER = "planted-9876543210-jihgfedcba"
TYPED = "sk-planted-typed-key-0123456789"


def leak() -> str:
    """Fail with a key in the error."""
    raise RuntimeError(f"refused: {TYPED}")


@pytest.mark.parametrize("road", PATHS)
@pytest.mark.parametrize("given", ["manager", "session", "environment"])
def test_no_key_is_in_a_repr_a_log_an_error_a_row_or_an_export(wire, road, given, tmp_path, monkeypatch):
    provider = "anthropic" if road == "anthropic" else "openai"
    api = {} if road == "anthropic" else {"api": road}
    said = {"error": {"message": f"Incorrect API key provided: {KEY} ({HEADER})", "type": "authentication_error"}}
    wire.script(
        PATHS[road],
        calls(road, ("c1", "leak", {})),
        says(road, "Fine."),
        refusal(401, said),
        refusal(400, {"error": {"message": f"Bad header {HEADER}, key {KEY}", "type": "invalid_request_error"}}),
        refusal(500, said),
        refusal(500, said),
    )
    log = io.StringIO()
    handler = logging.StreamHandler(log)
    logging.getLogger().addHandler(handler)
    logging.getLogger().setLevel(logging.DEBUG)
    seen: list[str] = []
    if given == "environment":
        monkeypatch.setenv("ANTHROPIC_API_KEY" if provider == "anthropic" else "OPENAI_API_KEY", KEY)

    async def main():
        manager = ls.create_session_manager(
            storage=tmp_path / "s.duckdb",
            providers={provider: KEY if given == "manager" else None},
            provider_config={
                provider: {"base_url": wire.url, "default_headers": {"X-Gate": HEADER}, "max_retries": 1, **api}
            },
        )
        async with manager:
            own = {"api_key": KEY, "temperature": 0.5} if given == "session" else {}
            session = await manager.create_session("ada", provider, "claude-sonnet-4-5", None, own)
            session.register_tool(leak)
            seen.extend(repr(event) for event in [event async for event in session.stream("Hello.")])
            for _ in range(3):
                try:
                    seen.extend(repr(event) for event in [event async for event in session.stream("Again.")])
                except ls.ProviderError as error:
                    seen.extend([repr(error), str(error.__dict__), "".join(traceback.format_exception(error))])
            things = [manager, session, session.provider_session, session._provider, session._tools, session.config]
            seen.extend(map(repr, things))
            seen.append(json.dumps(await session.get_provider_metadata(), default=str))
            seen.append(json.dumps(await session.export_conversation(), default=str))
            seen.append(await manager.export_sessions())
            seen.append(str(await manager.health_check()))
            seen.extend(str(record) for record in await manager.storage.list_sessions())
            seen.extend(repr(m) + str(m.to_dict()) for m in await session.get_all_messages())
        return len(wire.requests)

    try:
        asyncio.run(main())
    finally:
        logging.getLogger().removeHandler(handler)
        logging.getLogger().setLevel(logging.WARNING)
    seen.append(log.getvalue())
    if given == "manager":
        for suffix in ("md", "html", "ipynb", "json", "jsonl", "openai.jsonl"):
            assert ls.export("all", tmp_path / f"chats.{suffix}", source=tmp_path / "s.duckdb", progress=False).messages
    files = [path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()]
    assert files
    assert any(KEY in str(request.headers) for request in wire.requests), "the key was used"
    for secret in (KEY, HEADER, TYPED):
        assert [text for text in seen if secret in text] == []
        assert not any(secret.encode() in data for data in files)
