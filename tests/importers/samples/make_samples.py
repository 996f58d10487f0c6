"""How the .sql files beside this were made: the software itself writes a store, and its tables are kept as text.

No network and no key: the models are made up here, everything else is the real thing. To renew one, in an environment
of its own:

    pip install llm && python make_samples.py llm
    pip install "openai-agents[encrypt]" && python make_samples.py openai_agents
"""

from __future__ import annotations

import asyncio
import importlib.metadata
import sqlite3
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).parent


def keep(store: Path, name: str) -> None:
    """Write the tables and rows of `store` to `name`.sql, without indexes and full-text tables."""
    connection = sqlite3.connect(store)
    lines = []
    tables = connection.execute("SELECT name, sql FROM sqlite_schema WHERE type = 'table' ORDER BY rowid").fetchall()
    for table, sql in tables:
        if table.startswith("sqlite_") or "_fts" in table or "migrations" in table:
            continue
        lines.append(f"{sql};")
        columns = [row[1] for row in connection.execute(f'PRAGMA table_info("{table}")')]
        quoted = " || ', ' || ".join(f'quote("{column}")' for column in columns)
        rows = connection.execute(f'SELECT {quoted} FROM "{table}" ORDER BY rowid')
        lines += [f'INSERT INTO "{table}" VALUES ({row[0]});' for row in rows]
    (HERE / f"{name}.sql").write_text("\n".join(lines) + "\n")


def llm(folder: Path) -> None:
    """Two conversations of `llm`: with a tool, reasoning where there is such, an attachment, a fragment, and a fork."""
    import llm as real
    import sqlite_utils
    from llm.migrations import migrate

    def weather(city: str) -> str:
        "The weather in a city"
        return f"rain in {city}"

    class Parrot(real.Model):
        model_id = "parrot-1"
        can_stream = True
        supports_tools = True
        attachment_types = {"image/png"}  # noqa: RUF012

        def execute(self, prompt, stream, response, conversation):
            response.set_usage(input=21, output=4, details={"prompt_tokens_details": {"cached_tokens": 8}})
            if prompt.tools and not prompt.tool_results:
                response.add_tool_call(real.ToolCall(name="weather", arguments={"city": "Oslo"}, tool_call_id="call_1"))
                yield ""
            elif prompt.tool_results:
                yield f"It says: {prompt.tool_results[0].output}"
            else:
                yield f"You said: {prompt.prompt}"

    store = folder / "logs.db"
    database = sqlite_utils.Database(store)
    migrate(database)
    model = Parrot()
    talk = model.conversation(tools=[real.Tool.function(weather)])
    for response in talk.chain("Weather in Oslo?", system="Be short").responses():
        response.text()
        response.log_to_db(database)
    picture = real.Attachment(type="image/png", content=b"\x89PNG")
    plain = model.conversation()
    for prompt, more in (("What is this?", {"attachments": [picture]}), ("Thanks", {})):
        response = plain.prompt(prompt, **more)
        response.text()
        response.log_to_db(database)
    alone = model.prompt("Read this", fragments=["a long file"])
    alone.text()
    alone.log_to_db(database)
    database.conn.commit()
    keep(store, f"llm-{importlib.metadata.version('llm')}")


def openai_agents(folder: Path) -> None:
    """A plain, an advanced and an encrypted session, each of runs with a tool."""
    import agents
    from agents.extensions.memory import AdvancedSQLiteSession, EncryptedSession
    from agents.models.interface import Model
    from agents.usage import Usage
    from openai.types.responses import (
        ResponseFunctionToolCall,
        ResponseOutputMessage,
        ResponseOutputText,
        ResponseReasoningItem,
    )
    from openai.types.responses.response_reasoning_item import Summary

    class Parrot(Model):
        count = 0

        async def get_response(self, system_instructions, input, *more, **others):
            Parrot.count += 1
            number = Parrot.count
            last = input[-1]
            usage = Usage(
                requests=1, input_tokens=100 + number, output_tokens=10 + number, total_tokens=110 + 2 * number
            )
            if last.get("type") == "function_call_output" or "weather" not in str(last.get("content")):
                text = f"It says: {last.get('output') or last.get('content')}"
                part = ResponseOutputText(text=text, type="output_text", annotations=[], logprobs=[])
                output = [
                    ResponseOutputMessage(
                        id=f"msg_{number}", content=[part], role="assistant", status="completed", type="message"
                    )
                ]
            else:
                summary = [Summary(text="I should look.", type="summary_text")]
                output = [
                    ResponseReasoningItem(id=f"rs_{number}", summary=summary, type="reasoning"),
                    ResponseFunctionToolCall(
                        id=f"fc_{number}", call_id=f"call_{number}", name="weather", arguments='{"city": "Oslo"}',
                        type="function_call", status="completed",
                    ),
                ]  # fmt: skip
            return agents.ModelResponse(output=output, usage=usage, response_id=f"resp_{number}")

        def stream_response(self, *more, **others):
            raise NotImplementedError

    @agents.function_tool
    def weather(city: str) -> str:
        """The weather in a city."""
        return f"rain in {city}"

    async def run() -> None:
        agents.set_tracing_disabled(True)
        agent = agents.Agent(name="Parrot", model=Parrot(), tools=[weather])
        plain = agents.SQLiteSession("user-1", folder / "plain.db")
        await agents.Runner.run(agent, "How is the weather?", session=plain)
        await agents.Runner.run(agent, "Thanks", session=plain)
        advanced = AdvancedSQLiteSession(session_id="user-2", db_path=str(folder / "advanced.db"), create_tables=True)
        for question in ("How is the weather?", "And tomorrow?"):
            await advanced.store_run_usage(await agents.Runner.run(agent, question, session=advanced))
        await advanced.create_branch_from_turn(2, "other")
        await advanced.store_run_usage(await agents.Runner.run(agent, "And in May?", session=advanced))
        hidden = EncryptedSession(
            session_id="user-3",
            underlying_session=agents.SQLiteSession("user-3", folder / "encrypted.db"),
            encryption_key="a made-up key",
        )
        await agents.Runner.run(agent, "A secret", session=hidden)

    asyncio.run(run())
    version = importlib.metadata.version("openai-agents")
    for kind in ("plain", "advanced", "encrypted"):
        keep(folder / f"{kind}.db", f"openai-agents-{version}-{kind}")


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as scratch:
        {"llm": llm, "openai_agents": openai_agents}[sys.argv[1]](Path(scratch))
