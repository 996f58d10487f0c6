"""With `redact=True` nothing that was planted survives, in no format; and clean words stay."""

from __future__ import annotations

import base64
import html
import io
import json
import re
import sysconfig
import zipfile
from pathlib import Path
from typing import Any

import duckdb
import pyarrow.parquet as pq
import pytest
from planted_secrets import KINDS, Maker, Planted, plant
from sharing_stores import START, event_row, message_row, session_row, source_of, store_at

import langswarm_nb as ls
from langswarm_nb import runtime
from langswarm_nb.sharing.redactor import Redactor
from langswarm_nb.storage.rows import json_text
from langswarm_nb.widgets import exporting

FORMATS = ["md", "html", "ipynb", "json", "jsonl", "openai.jsonl", "anthropic.jsonl", "parquet", "zip", "duckdb"]
PER_SESSION = 20


def _conversation(number: int, planted: list[Planted]) -> tuple[dict, list[dict], list[dict], list[str]]:
    """Return a conversation with the secrets in every place that there is, and the names of its people."""
    session_id = f"019c0000-0000-7000-8000-{number:012}"
    maker = Maker(1000 + number)
    owner, colleague = maker.name(), f"{maker.name().capitalize()} {maker.name().capitalize()}"
    t = [one.text for one in planted]
    call = {"type": "tool_call", "id": "call_1", "name": "send", "arguments": {"body": t[0], "list": [{"deep": t[1]}]}}
    session = session_row(
        session_id, user_id=owner, title=f"About {t[2]}", description=t[3], tags=["work", t[4]],
        config=json_text({"system_prompt": f"Use this: {t[5]}", "metadata": {"note": t[6]}}),
        context=json_text({"user_context": {t[7]: t[8]}, "system_context": {"collaboration": {
            "permissions": {colleague: ["read"]}}}, "user_id": owner}),
        metadata=json_text({"a": {"b": [t[9]]}}), notebook_path=f"/home/{owner}/work/{number}.ipynb",
    )  # fmt: skip
    asked = message_row(
        session_id, 1, "user", f"{t[10]}\n\nplease, {owner.capitalize()} and {colleague} asked", author_name=owner,
        parts=json_text([
            {"type": "file", "name": "notes.txt", "media_type": "text/plain", "text": f"Notes\n{t[11]}\n"},
            {"type": "file", "name": "b.csv", "media_type": "text/csv",
             "data": base64.b64encode(t[12].encode()).decode()},
            {"type": "image", "name": "p.png", "media_type": "image/png",
             "data": base64.b64encode(b"\x89PNG\r\n\x1a\n" + t[12].encode()).decode()},
        ]),
    )  # fmt: skip
    reply = message_row(
        session_id, 2, "assistant", f"Sure:\n\n```python\nvalue = 1\n# {t[13]}\n```\n", provider="openai",
        parts=json_text([{"type": "reasoning", "text": t[14]}, call]), parent_id=asked["message_id"],
        metadata=json_text({"trace": t[15]}), provider_metadata=json_text({"request": {"url": t[16]}}),
    )  # fmt: skip
    result = message_row(
        session_id, 3, "tool", json.dumps({"output": t[17]}), tool_call_id="call_1", tool_name="send",
        parent_id=reply["message_id"],
    )  # fmt: skip
    failed = message_row(
        session_id, 4, "assistant", "Well, no.", status="error", error_message=f"refused: {t[18]}",
        parent_id=result["message_id"],
    )  # fmt: skip
    branch = message_row(session_id, 5, "assistant", t[0], parent_id=asked["message_id"], is_active_branch=False)
    event = event_row(session_id, "audit", user_id=colleague, payload=json_text({"said": {"x": [t[19]]}}))
    return session, [asked, reply, result, failed, branch], [event], [owner, *colleague.split()]


def _planted_store(path: Path, count: int) -> tuple[Path, list[str]]:
    planted = plant(count, seed=7)
    sessions, messages, events, needles = [], [], [], [one.secret for one in planted]
    for number in range(count // PER_SESSION):
        some = planted[number * PER_SESSION : (number + 1) * PER_SESSION]
        session, said, happened, names = _conversation(number, some)
        sessions.append(session)
        messages += said
        events += happened
        needles += names
    return store_at(path, sessions, messages, events), needles


def readable(path: Path) -> str:
    """Return everything that is in a file, in every way in which it can be read: raw, unpacked, decoded, unescaped."""
    raw = path.read_bytes()
    texts = [raw.decode("utf-8", "replace"), raw.decode("utf-16-le", "replace")]
    if path.suffix == ".zip":
        with zipfile.ZipFile(io.BytesIO(raw)) as archive:
            for name in archive.namelist():
                inner = path.parent / f"unpacked-{path.name}-{Path(name).name}"
                inner.write_bytes(archive.read(name))
                texts.append(readable(inner))
    elif path.suffix == ".parquet":
        texts += [str(pq.read_metadata(path).metadata), json.dumps(pq.read_table(path).to_pylist(), default=str)]
    elif path.suffix == ".duckdb":
        with duckdb.connect(str(path), read_only=True) as store:
            store.execute("SET timezone = 'UTC'")
            for (table,) in store.execute("SELECT table_name FROM duckdb_tables()").fetchall():
                found = store.sql(f"SELECT COLUMNS(*)::VARCHAR FROM {table}").to_arrow_table()
                texts.append(json.dumps(found.to_pylist(), ensure_ascii=False))
    texts += [re.sub(r"<[^>]*>", "", text) for text in texts]
    texts += [html.unescape(text) for text in texts]
    for _ in range(2):
        texts.append(re.sub(r"\\(.)", r"\1", texts[0]))
    whole = "\n".join(texts)
    for blob in set(re.findall(r"[A-Za-z0-9+/]{24,}={0,2}", whole)):
        try:
            whole += "\n" + base64.b64decode(blob + "=" * (-len(blob) % 4)).decode("utf-8", "replace")
        except ValueError:
            continue
    return whole


@pytest.fixture(scope="module")
def planted_store(tmp_path_factory) -> tuple[Path, list[str]]:
    return _planted_store(tmp_path_factory.mktemp("planted") / "s.duckdb", 500)


def survivors(text: str, needles: list[str]) -> list[str]:
    lower = text.lower()
    return [needle for needle in needles if needle in text or (needle.isalpha() and needle.lower() in lower)]


def test_the_secrets_are_planted_where_exports_write_them(tmp_path, planted_store):
    store, needles = planted_store
    assert len(KINDS) >= 25
    path = ls.export("all", tmp_path / "all.json", source=store).path
    assert survivors(readable(path), needles) == needles  # in the clear they are all there: the search can find them


@pytest.mark.parametrize("suffix", FORMATS)
def test_none_of_500_secrets_survives(tmp_path, suffix, planted_store):
    store, needles = planted_store
    done = ls.export("all", tmp_path / f"out.{suffix}", redact=True, source=store)
    assert done.sessions == 25
    assert done.redacted is not None
    assert done.redacted.total() >= 500
    assert survivors(readable(done.path), needles) == []


@pytest.mark.parametrize("name", ["bundle", "bundle.zip"])
def test_none_survives_in_a_bundle(tmp_path, name, planted_store):
    store, needles = planted_store
    done = ls.share_bundle(tmp_path / name, source=store, title=f"By {needles[-1]}")
    folder = tmp_path / "read"
    if done.path.is_dir():
        done.path.rename(folder)
    else:
        with zipfile.ZipFile(done.path) as archive:
            archive.extractall(folder)
    # The package itself is in it as well: what is no conversation is not read.
    read = {file.name: readable(file) for file in folder.rglob("*") if file.is_file() and file.suffix != ".whl"}
    assert {"README.md", "index.ipynb", "conversations.duckdb", "constraints.txt"} <= read.keys()
    assert "value = 1" in read["index.ipynb"]
    assert {file: found for file, text in read.items() if (found := survivors(text, needles))} == {}


def test_none_survives_in_a_replay_of_a_bundle_nor_in_what_the_file_keeps_of_it(tmp_path, planted_store):
    store, needles = planted_store

    sent = {}
    for source in (store, ls.share_bundle(tmp_path / "b", source=store).path / "conversations.duckdb"):
        told: list[Any] = []
        for session_id in ls.sessions(source).session_id[:4]:
            panel = ls.replay(session_id, source, speed=1000)
            panel._live.watch(told.append)
            told.append(panel._live.state.since(0))
            runtime.run(panel._live.play())
            told.append(panel._transcript())
            panel.close()
        sent[source] = json.dumps(told, ensure_ascii=False)
    clear, shared = sent.values()
    known = [needle for needle in needles if needle in clear]
    assert len(known) > 10  # what is shown of a conversation, is shown in the clear
    assert survivors(html.unescape(shared), needles) == []


def test_the_name_of_a_redacted_file_tells_nothing(tmp_path):
    source = source_of([session_row("s1")], [message_row("s1", 1, "user", "hi")])
    for title, name in (("Trip to Oslo", "Trip-to-Oslo"), ("mail ada@example.com", "mail-email")):
        assert exporting.for_page("s1", title, "markdown", True, source)[1]["name"] == f"{name}.md"
        notebook = str(tmp_path / "x.ipynb")
        assert f"{name}.md in" in exporting.beside_notebook("s1", title, "markdown", True, source, notebook)["told"]
    assert exporting.for_page("s1", "ada@example.com", "markdown", False, source)[1]["name"] == "ada-example-com.md"


def test_a_pseudonym_is_the_same_within_an_export_and_another_in_the_next(tmp_path):
    sessions = [session_row(f"s{n}", user_id="margarethe", title="for Margarethe") for n in range(2)]
    messages = [message_row("s0", 1, "user", "see /Users/margarethe/x.py, says MARGARETHE", author_name="margarethe")]
    source = source_of(sessions, messages)
    seen = []
    for name in ("a", "b"):
        path = ls.export("all", tmp_path / f"{name}.json", redact=True, source=source).path
        seen.append(set(re.findall(r"user-[a-z2-7]{8}", path.read_text())))
        assert "argarethe" not in path.read_text().lower()
    assert [len(found) for found in seen] == [1, 1]
    assert seen[0] != seen[1]


def test_own_words_and_the_secrets_of_this_process_are_hidden_too(tmp_path, monkeypatch):
    monkeypatch.setenv("ACME_API_KEY", "plain words as a key")
    source = source_of(
        [session_row("s1")], [message_row("s1", 1, "user", "Project Falcon uses Plain words as a key, falcons do not")]
    )
    path = ls.export("all", tmp_path / "a.md", redact=["Project Falcon"], source=source).path
    assert "[removed] uses [removed], falcons do not" in path.read_text().replace("\\", "")


def test_ids_that_must_go_still_fit_together(tmp_path):
    mail = "ada@example.com"
    asked = message_row(mail, 1, "user", "hi", message_id=f"{mail}-1")
    reply = message_row(
        mail, 2, "assistant", "ho", message_id=f"{mail}-2", parent_id=f"{mail}-1",
        parts=json_text([{"type": "tool_call", "id": f"{mail}-c", "name": "f", "arguments": {}}]),
    )  # fmt: skip
    result = message_row(mail, 3, "tool", "x", tool_call_id=f"{mail}-c", parent_id=f"{mail}-2")
    path = ls.export(
        "all", tmp_path / "a.json", redact=True, source=source_of([session_row(mail)], [asked, reply, result])
    ).path
    done = json.loads(path.read_text())[0]
    one, two, three = done["messages"]
    assert mail not in path.read_text()
    assert {message["session_id"] for message in done["messages"]} == {done["session"]["session_id"]}
    assert (two["parent_id"], three["parent_id"]) == (one["message_id"], two["message_id"])
    assert two["parts"][0]["id"] == three["tool_call_id"]


def test_the_preview_says_what_would_go_and_does_not_give_it_away():
    key = "sk-proj-" + "a1B2" * 10
    source = source_of(
        [session_row("s1", title="mail me: ada@example.com", user_id="ada")],
        [message_row("s1", 1, "user", f"key {key} and again {key}")],
        [event_row("s1", "audit", payload=json_text({"password": "hunter2"}))],
    )
    frame = ls.redaction_preview(source=source)
    assert list(frame.columns) == ["session_id", "title", "place", "kind", "excerpt", "count"]
    found = {(row.place, row.kind): (row.excerpt, row["count"]) for _, row in frame.iterrows()}
    assert found["message 1 · content", "api_key"] == ("key [api_key] and again [api_key]", 2)
    assert found["title", "email"][1] == 1
    assert ("user_id", "user") in found
    assert ("event audit · payload", "password") in found
    assert key not in frame.to_csv()
    assert "hunter2" not in frame.to_csv()
    assert "example.com" not in frame.to_csv()


def _clean_texts() -> list[str]:
    """Return code, prose, logs and data in which nothing is secret."""
    library = Path(sysconfig.get_paths()["stdlib"])
    names = ("argparse", "json/decoder", "statistics", "asyncio/tasks", "textwrap", "csv", "tarfile", "random", "heapq")
    texts = [(library / f"{name}.py").read_text() for name in names]
    maker = Maker(3)
    rng = maker.rng
    commits = [
        f"{maker.of('0123456789abcdef', 40)} Fix the parser of dates (#{rng.randrange(9999)})" for _ in range(60)
    ]
    logs = [
        f"2026-03-{day:02}T08:{day:02}:07.{day:03}Z INFO worker-{day} took {day * 13} ms, status 200"
        for day in range(1, 29)
    ]
    data = [
        f"{rng.random():.6f},{rng.randrange(10**7)},2026-01-{day:02},{START:%Y-%m-%d %H:%M}" for day in range(1, 29)
    ]
    uuids = [
        f"id {maker.of('0123456789abcdef', 8)}-1f3a-4c2b-9d8e-{maker.of('0123456789abcdef', 12)} done"
        for _ in range(40)
    ]
    versions = ["numpy==2.3.1 pandas>=2.2,<4 python 3.11.9 10.0.19045 192.168.0.1:8080 1,234,567.89 0x7fff5fbff8c0"] * 5
    code = [
        "token = tokenizer.next_token(text[0])", "password = getpass.getpass('Password: ')", "key = sorted(keys)[0]",
        "api_key=os.environ['OPENAI_API_KEY']", "def login(user: str, password: str) -> Token:", "max_tokens=4096,",
        "secret = secrets.token_hex(16)", "The password must have 12 characters and a digit.",
        "<api_key>YOUR_KEY</api_key>",
        "for user in users: print(user.name)", "The key is to begin early; the secret is patience.", "https://medium.com/@a/b",
        "git clone git@github.com:owner/name.git", "cd /home/jovyan/work && ls /usr/share",
        "app.get('/home/page', handler)",
        "SELECT user, token_count FROM messages WHERE key = 'total' AND session_id = 12",
        "sk-learn and task-list and desk-top",
        'integrity="sha512-abc" class="btn btn-primary-outline-large-rounded-2xl"',
        "call_abc123 chatcmpl-9aBcDeFgHiJkLmNoPqRsTuVwX",
        "a user asks, the assistant answers, an admin reads",
        "Basic authentication and bearer tokens are explained here.",
    ]  # fmt: skip
    return [*texts, *commits, *logs, *data, *uuids, *versions, *code * 3]


def test_clean_words_stay():
    redactor = Redactor(["ada lovelace", "wilhelmina", "user", "me", "will"])
    words = touched = 0
    for text in _clean_texts():
        words += len(text.split())
        touched += sum(len(text[start:end].split()) or 1 for start, end, _, _ in redactor._found(text))
    assert words > 20_000
    assert touched / words < 0.005, f"{touched} of {words}"  # the promise is 2 %


def test_text_of_this_repository_stays():
    root = Path(__file__).parents[2]
    texts = [path.read_text() for path in [*root.glob("langswarm_nb/**/*.py"), root / "README.md"]]
    redactor = Redactor()
    words = sum(len(text.split()) for text in texts)
    touched = sum(1 for text in texts for _ in redactor._found(text))
    assert touched / words < 0.01
