"""A second kernel for the tests: `python other_kernel.py store.duckdb command session_id [text]`."""

from __future__ import annotations

import asyncio
import json
import sys

import langswarm_nb as ls


async def clean_up(path: str) -> None:
    """Wait for the word, then do the maintenance unless another kernel does; say what was done."""
    policy = {"archive_after_days": 0.000001}
    async with ls.create_session_manager(path, providers={"mock": None}, cleanup_config=policy) as manager:
        print("ready", flush=True)  # noqa: T201
        await asyncio.to_thread(sys.stdin.readline)
        report = await manager._maintenance.run_if_due()
        print(json.dumps(report and sorted(report.archived)), flush=True)  # noqa: T201


async def main(path: str, command: str, session_id: str = "", *texts: str) -> None:
    if command == "clean_up":
        await clean_up(path)
        return
    async with ls.create_session_manager(path, providers={"mock": None}) as manager:
        session = await manager.get_session(session_id)
        match command:
            case "send":
                for text in texts:
                    await session.send_message(text)
            case "archive":
                await session.archive()
            case "context":
                await session.update_context({"from_elsewhere": texts[0]})
            case "config":
                await session.update_config({"max_messages": int(texts[0])})
            case "delete":
                await session.delete()
            case "join":
                await manager.add_participant(session_id, texts[0], texts[1:])


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
