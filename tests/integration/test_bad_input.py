"""What goes wrong on the first day: each a SessionError that says what to do, with nothing lost."""

from __future__ import annotations

import asyncio
import sqlite3

import pytest

import langswarm_nb as ls


def create(provider="mock", model="mock-model", storage="memory", **options):
    async def main():
        async with ls.create_session_manager(storage=storage, **options) as manager:
            session = await manager.create_session("ada", provider, model)
            return await session.send_message("hello")

    return asyncio.run(main())


def test_an_unknown_provider_names_the_known_ones():
    with pytest.raises(ls.ConfigurationError, match=r"opneai.*openai"):
        create("opneai", "gpt-4o")


def test_an_unknown_storage_names_the_known_ones():
    with pytest.raises(ls.ConfigurationError, match=r"duckbd.*duckdb"):
        create(storage="duckbd")


def test_a_wrong_option_of_a_storage():
    with pytest.raises(ls.ConfigurationError, match="db_paht"):
        ls.create_session_manager("duckdb", {"db_paht": "x"})


@pytest.mark.parametrize(
    ("provider", "model", "variable"),
    [("openai", "gpt-4o", "OPENAI_API_KEY"), ("anthropic", "claude-sonnet-4-5", "ANTHROPIC_API_KEY")],
)
def test_a_missing_key_names_the_variable(provider, model, variable, monkeypatch):
    monkeypatch.delenv(variable, raising=False)
    with pytest.raises(ls.ProviderAuthenticationError, match=variable):
        create(provider, model)


def test_a_wrong_model_is_named_and_the_question_kept(tmp_path):
    """A real server says 404 to a model that it does not have."""
    from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
    from threading import Thread

    class NoSuchModel(BaseHTTPRequestHandler):
        def do_POST(self):
            self.rfile.read(int(self.headers["Content-Length"]))
            body = b'{"error": {"message": "The model `gpt-none` does not exist", "code": "model_not_found"}}'
            self.send_response(404)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), NoSuchModel)
    Thread(target=server.serve_forever, daemon=True).start()
    try:
        options = {"openai": {"base_url": f"http://127.0.0.1:{server.server_port}/v1", "api": "chat"}}
        with pytest.raises(ls.ProviderRefusedError, match="gpt-none"):
            create(
                "openai",
                "gpt-none",
                storage=tmp_path / "s.duckdb",
                providers={"openai": "sk-test"},
                provider_config=options,
            )
    finally:
        server.shutdown()
        server.server_close()
    frame = ls.messages(source=tmp_path / "s.duckdb")
    assert list(frame["status"]) == ["complete", "error"]
    assert frame["content"].iloc[0] == "hello"


def test_a_path_that_cannot_be_written(tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(ls.StorageError, match="file"):
        create(storage=tmp_path / "file" / "sessions.duckdb")


def test_a_file_that_is_no_database(tmp_path):
    path = tmp_path / "notes.duckdb"
    path.write_text("these are my notes, not a database\n" * 500)
    before = path.read_bytes()
    with pytest.raises(ls.StorageCorruptError, match=r"notes\.duckdb"):
        create(storage=path)
    assert path.read_bytes() == before


def test_another_programs_database(tmp_path):
    path = tmp_path / "other.duckdb"
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE t (x)")
    connection.close()
    before = path.read_bytes()
    with pytest.raises(ls.StorageCorruptError):
        create(storage=path)
    assert path.read_bytes() == before
