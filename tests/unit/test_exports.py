"""What each format keeps, and that files are whole or not there."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from base64 import b64encode
from pathlib import Path

import nbformat
import pandas as pd
import pyarrow.parquet as pq
import pytest
from nbclient import NotebookClient
from sharing_stores import PIXEL, message_row, rich_session, session_row, source_of, store_at

import langswarm_nb as ls
from langswarm_nb.analytics.demo import demo_tables
from langswarm_nb.analytics.source import ArrowSource, open_source
from langswarm_nb.sharing import export_bytes
from langswarm_nb.sharing.formats.ipynb import split, tamed
from langswarm_nb.sharing.formats.markdown import contained
from langswarm_nb.sharing.selection import chunks, select
from langswarm_nb.storage.rows import json_text

SUFFIXES = ["md", "html", "ipynb", "json", "jsonl", "openai.jsonl", "anthropic.jsonl", "parquet", "zip", "duckdb"]


@pytest.fixture
def rich():
    return source_of(*rich_session())


def written(tmp_path: Path, source, name: str, **options) -> str:
    return ls.export("all", tmp_path / name, source=source, **options).path.read_text()


def test_markdown_keeps_everything_in_its_place(tmp_path, rich):
    text = written(tmp_path, rich, "a.md")
    assert text.startswith("# Area \\<of\\> it\n")
    order = [
        "System prompt",
        "How large is",
        "dot.png",
        "month,sold",
        "Reasoning",
        "Width times",
        '"width": 3',
        "print(3 * 4)",
    ]
    places = [text.index(piece) for piece in order]
    assert places == sorted(places)
    assert "Another version (1 of 1)" in text
    assert "An older answer." in text
    assert f"data:image/png;base64,{PIXEL}" in text
    assert text.count("```") % 2 == 0  # the reply that was cut off within its code does not swallow what follows
    assert "Stopped here." in text


@pytest.mark.parametrize(
    "text", ["```python\nx = 1", "~~~\nopen", "<!-- no end", "<details>\n\nopen", "$$\nx", "<pre>\nx", "plain"]
)
def test_what_does_not_end_ends_here(text):
    from markdown_it import MarkdownIt

    tokens = MarkdownIt("commonmark").parse(f"{contained(text)}\n# after\n")
    assert tokens[-2].content == "after"
    assert tokens[-3].type == "heading_open"


def test_html_needs_nothing_and_runs_nothing(tmp_path, rich):
    page = written(tmp_path, rich, "a.html")
    assert "Content-Security-Policy" in page
    assert "default-src 'none'" in page
    assert "<script" not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
    assert not re.findall(r"(?:src|href)=\"(?!data:|#)", page)
    assert not re.findall(r"\son\w+=", page)
    assert f'src="data:image/png;base64,{PIXEL}"' in page
    for kept in ("An older answer.", "Width times height.", "month,sold", "light-dark("):
        assert kept in page


def test_hostile_text_stays_text_in_html(tmp_path):
    evil = '"><img src=x onerror=alert(1)><script>alert(2)</script>'
    session = session_row(
        "s1", title=evil, tags=[evil], model=evil, description=evil, config=json_text({"system_prompt": evil})
    )
    files = [{"type": kind, "name": evil, "media_type": evil, "data": "QUJD"} for kind in ("file", "image")]
    messages = [
        message_row("s1", 1, "user", evil, author_name=evil, parts=json_text(files)),
        message_row("s1", 2, "assistant", evil + "\x00[a](javascript:alert(1))", error_message=evil, status="error"),
        message_row("s1", 3, "tool", evil, tool_name=evil),
    ]
    page = written(tmp_path, source_of([session], messages), "a.html")
    tags = re.findall(r"<(\w+)([^>]*)>", page)
    assert {name for name, _ in tags} & {"script", "iframe", "object", "form", "svg"} == set()
    assert not any(
        re.search(r"\bon\w+\s*=", attributes.replace("&quot;", "")) and name == "img" for name, attributes in tags
    )
    assert "javascript:" not in "".join(attributes for _, attributes in tags)
    assert "\x00" not in page


def test_footnotes_of_several_messages_stay_apart(tmp_path):
    text = "Said[^1]\n\n[^1]: note"
    thought = [{"type": "reasoning", "text": text}]
    rows = [message_row("s1", n, "assistant", text, parts=json_text(thought)) for n in (1, 2)]
    html = written(tmp_path, source_of([session_row("s1")], rows), "a.html")
    ids = re.findall(r' id="(lsnb-fn-[^"]+)"', html)
    assert len(ids) == len(set(ids)) == 8
    assert set(re.findall(r'href="#(lsnb-fn-[^"]+)"', html)) == set(ids)


def test_what_was_only_paid_for_is_no_version_of_a_message(tmp_path):
    rows = [message_row("s1", n, role, text) for n, (role, text) in enumerate([("user", "Hi."), ("assistant", "Ho.")])]
    rows[1]["parent_id"] = rows[0]["message_id"]
    beside = {"parent_id": rows[0]["message_id"], "is_active_branch": False, "metadata": '{"purpose": "summary"}'}
    rows.append(message_row("s1", 1, "assistant", "They greeted each other.", **beside))
    source = source_of([session_row("s1")], rows)
    assert "greeted" not in written(tmp_path, source, "chat.md")
    assert "greeted" in written(tmp_path, source, "chat.json")


def test_the_notebook_is_valid_and_runs(tmp_path, rich):
    path = ls.export("s1", tmp_path / "a.ipynb", source=rich).path
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    code = [cell.source for cell in notebook.cells if cell.cell_type == "code"]
    assert code == ["print(3 * 4)", "for x in"]
    prose = "\n".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")
    assert "```sql\nSELECT 12\n```" in prose
    assert "An older answer." in prose
    attached = [cell.attachments for cell in notebook.cells if cell.get("attachments")]
    assert attached == [{"image-1.png": {"image/png": PIXEL}}]
    NotebookClient(notebook, timeout=120, resources={"metadata": {"path": str(tmp_path)}}).execute()
    assert notebook.cells[[cell.source for cell in notebook.cells].index("print(3 * 4)")].outputs[0].text == "12\n"


DOLLAR = "<span>&#36;</span>"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("$3 or $4", f"{DOLLAR}3 or {DOLLAR}4"),
        (r"\$3, $x^2$ and \$4", rf"{DOLLAR}3, $x^2$ and {DOLLAR}4"),
        ("$$\nx = 1\n$$\n\n$5", f"$$\nx = 1\n$$\n\n{DOLLAR}5"),
        (r"\(a\) and \[b^2\]", r"\(a\) and \[b^2\]"),
        ("`$A $B` and ``$C ` $D`` $", f"`$A $B` and ``$C ` $D`` {DOLLAR}"),
        ("a $1\n\n```sh\n$A $B\n```\n\n    $C\n\nb $2", f"a {DOLLAR}1\n\n```sh\n$A $B\n```\n\n    $C\n\nb {DOLLAR}2"),
        ("- $1\n  ```\n  $A\n  ```", f"- {DOLLAR}1\n  ```\n  $A\n  ```"),
        ("[a](https://b.c/d?$top=in(1,$2)&$x) $5", f"[a](https://b.c/d?%24top=in(1,%242)&%24x) {DOLLAR}5"),
        ("[a](/d?$top=1) <http://b.c/$x> (http://b.c)$5", f"[a](/d?%24top=1) <http://b.c/%24x> (http://b.c){DOLLAR}5"),
        (" ".join("`" * n for n in range(1, 600)) + " $5", " ".join("`" * n for n in range(1, 600)) + f" {DOLLAR}5"),
    ],
    ids=range(10),
)  # fmt: skip
def test_a_price_is_no_formula_in_a_notebook(text, shown):
    assert tamed(text) == shown


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("![a](https://b.c/d)", r"\![a](https://b.c/d)"),
        ("a ![b][c] `![d](e)` \\![f](g)\n\n[c]: https://d.e", "a \\![b][c] `![d](e)` \\![f](g)\n\n[c]: https://d.e"),
        ("[![a](https://b.c)](https://d.e)", r"[\![a](https://b.c)](https://d.e)"),
        ("![a](data:image/png;base64,AA)", "![a](data:image/png;base64,AA)"),
        ("<b>x</b> <IMG\nsrc=//a.b><svg/onload=x>", "<b>x</b> &lt;IMG\nsrc=//a.b>&lt;svg/onload=x>"),
        ("```\n![a](b)\n<img src=c>\n```", "```\n![a](b)\n<img src=c>\n```"),
        ("$![a](https://b.c)$", f"{DOLLAR}\\![a](https://b.c){DOLLAR}"),
    ],
    ids=range(7),
)
def test_nothing_is_fetched_by_who_opens_the_notebook(text, shown):
    assert tamed(text) == shown


def test_only_whole_python_at_the_top_becomes_a_cell():
    text = "a\r\n\r\n```py\nx = 1\n```\n- list\n  ```python\n  y = 2\n  ```\n\n```\nplain\n```\n```python\nz"
    pieces = split(text)
    assert [body for is_code, body in pieces if is_code] == ["x = 1\n", "z"]
    assert "y = 2" in pieces[2][1]


def test_chats_as_the_providers_take_them(tmp_path, rich):
    openai = json.loads(written(tmp_path, rich, "a.openai.jsonl"))
    assert list(openai) == ["messages"]
    roles = [message["role"] for message in openai["messages"]]
    assert roles == ["system", "user", "assistant", "tool", "assistant", "user", "assistant"]
    call = openai["messages"][2]["tool_calls"][0]
    assert call["function"] == {"name": "area", "arguments": '{"width": 3, "height": 4}'}
    assert openai["messages"][3]["tool_call_id"] == call["id"]
    assert openai["messages"][1]["content"][1]["type"] == "image_url"
    anthropic = json.loads(written(tmp_path, rich, "a.anthropic.jsonl"))
    assert anthropic["system"] == "Be brief."
    assert [turn["role"] for turn in anthropic["messages"]] == [
        "user",
        "assistant",
        "user",
        "assistant",
        "user",
        "assistant",
    ]
    assert anthropic["messages"][1]["content"][-1]["type"] == "tool_use"
    assert "An older answer." not in json.dumps(openai) + json.dumps(anthropic)


def test_conversations_without_a_reply_are_no_example_for_a_model(tmp_path):
    source = source_of([session_row("s1")], [message_row("s1", 1, "user", "hello?")])
    assert written(tmp_path, source, "a.openai.jsonl") == ""


def test_json_has_every_column(tmp_path, rich):
    (one,) = json.loads(written(tmp_path, rich, "a.json"))
    (line,) = (json.loads(line) for line in written(tmp_path, rich, "a.jsonl").splitlines())
    assert one == line
    assert one["session"]["tags"] == ["maths"]
    assert one["session"]["config"] == {"system_prompt": "Be brief."}
    assert len(one["messages"]) == 7
    assert one["messages"][4]["usage"]["output_tokens"] == 9
    assert one["events"][0]["payload"] == {"value": 1}
    assert one["metrics"]["assistant_messages"] == 3


def test_tables(tmp_path, rich):
    frame = pd.read_parquet(ls.export("all", tmp_path / "a.parquet", source=rich))
    assert len(frame) == 7
    assert set(frame.session_title) == {"Area <of> it"}
    folder = ls.export("all", tmp_path / "tables", "parquet", source=rich).path
    assert sorted(path.name for path in folder.iterdir()) == ["events.parquet", "messages.parquet", "sessions.parquet"]
    assert pq.read_table(folder / "events.parquet").num_rows == 1
    store = ls.export("all", tmp_path / "a.duckdb", source=rich).path
    assert len(ls.messages(store)) == 7
    assert len(ls.events(store)) == 1
    assert ls.sessions(store).message_count.tolist() == [6]


@pytest.mark.parametrize(
    "name", ["markdown", "html", "ipynb", "json", "jsonl", "openai", "anthropic", "parquet", "duckdb"]
)
def test_a_download(rich, name):
    done = export_bytes("s1", name, redact=True, source=rich)
    assert done.name.startswith("conversation.")
    assert len(done.content) > 100
    assert "/" in done.media_type


def test_which_conversations(tmp_path):
    sessions = [session_row(f"s{n}", user_id=f"u{n % 2}", title=f"t{n}", tags=[f"g{n % 3}"]) for n in range(6)]
    messages = [message_row(f"s{n}", 1, "user", f"the word is w{n}") for n in range(6)]
    source = source_of(sessions, messages)

    def chosen(which) -> list[str]:
        return select(source, which)

    assert chosen("all") == [f"s{n}" for n in range(6)]
    assert chosen("s3") == ["s3"]
    assert chosen(["s5", "s1"]) == ["s1", "s5"]
    assert chosen([]) == []
    assert chosen(pd.DataFrame({"session_id": ["s2"]})) == ["s2"]
    assert chosen({"user_id": "u1", "tags": "g0"}) == ["s3"]
    assert chosen({"text": "W4"}) == ["s4"]
    assert chosen({"since": "2026-03-02"}) == []
    assert len(chosen({"until": "2026-03-02", "model": "gpt-5"})) == 6
    with pytest.raises(ls.SessionNotFoundError, match="s9"):
        chosen(["s1", "s9"])
    for wrong in (7, {"colour": 1}, {"since": "soon"}, [3]):
        with pytest.raises(ls.ConfigurationError):
            chosen(wrong)


def test_the_store_itself_is_not_replaced(tmp_path):
    store = store_at(tmp_path / "s.duckdb", *rich_session())
    with pytest.raises(ls.ConfigurationError, match="the store itself"):
        ls.export("all", store, source=store, overwrite=True)
    assert len(ls.messages(store)) == 7


def test_what_cannot_be_written_says_why(tmp_path, rich):
    with pytest.raises(ls.ConfigurationError, match="docx"):
        ls.export("all", tmp_path / "a.docx", source=rich)
    with pytest.raises(ls.ConfigurationError, match="no format 'pdf'"):
        ls.export("all", tmp_path / "a.md", "pdf", source=rich)
    (tmp_path / "a.md").write_text("mine")
    with pytest.raises(ls.ConfigurationError, match="overwrite"):
        ls.export("all", tmp_path / "a.md", source=rich)
    assert (tmp_path / "a.md").read_text() == "mine"
    (tmp_path / "d").mkdir()
    with pytest.raises(ls.ConfigurationError, match="folder"):
        ls.export("all", tmp_path / "d", "markdown", source=rich, overwrite=True)
    with pytest.raises(ls.SessionError, match="cannot be written"):
        ls.export("all", tmp_path / "a.md" / "b.md", source=rich)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.md", "d"]


@pytest.mark.parametrize("name", [*(f"a.{suffix}" for suffix in SUFFIXES), "folder"])
def test_an_interrupt_leaves_what_was_there(tmp_path, name):
    source = ArrowSource(demo_tables(600))
    kind = "parquet" if name == "folder" else None

    def interrupt(done: int, total: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        ls.export("all", tmp_path / name, kind, source=source, progress=interrupt)
    assert list(tmp_path.iterdir()) == []
    ls.export("all", tmp_path / name, kind, source=source)
    before = _content(tmp_path / name)
    with pytest.raises(KeyboardInterrupt):
        ls.export("all", tmp_path / name, kind, source=source, progress=interrupt, overwrite=True)
    assert _content(tmp_path / name) == before
    again = ls.export({"provider": "openai"}, tmp_path / name, kind, source=source, overwrite=True)
    assert again.sessions > 0
    assert _content(tmp_path / name) != before
    assert [path.name for path in tmp_path.iterdir()] == [name]


def _content(path: Path) -> list[bytes]:
    return [file.read_bytes() for file in sorted(path.rglob("*"))] if path.is_dir() else [path.read_bytes()]


KILLED = """
import os, signal, sys
import langswarm_nb as ls
def die(done, total):
    if done >= total // 2:
        os.kill(os.getpid(), signal.SIGKILL)
ls.export("all", sys.argv[2], source=sys.argv[1], progress=die)
"""


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="there is no such signal")
def test_a_killed_process_leaves_nothing_under_the_name(tmp_path):
    tables = demo_tables(4000)
    ArrowSource(tables)
    store = tmp_path / "s.duckdb"
    ls.demo_store(store, messages=4000)
    sys.modules["langswarm_nb.runtime"].close()
    for name in ("a.html", "a.duckdb"):
        done = subprocess.run(
            [sys.executable, "-c", KILLED, str(store), str(tmp_path / name)], check=False, timeout=120
        )
        assert done.returncode == -signal.SIGKILL
        assert not (tmp_path / name).exists()


def test_a_bar_tells_how_far_it_is_and_is_gone_at_the_end(tmp_path, capfd):
    source = ArrowSource(demo_tables(4000))
    done: list[tuple[int, int]] = []
    ls.export("all", tmp_path / "a.jsonl", source=source, progress=lambda *told: done.append(told))
    counts, totals = [count for count, _ in done], {total for _, total in done}
    assert len(counts) > 1
    assert counts == sorted(counts)
    assert totals == {counts[-1]}
    assert capfd.readouterr().err == ""
    ls.export("all", tmp_path / "b.jsonl", source=source, progress=True)
    shown = capfd.readouterr().err
    assert "Writing b.jsonl:" in shown
    assert f"/{counts[-1]} [" in shown
    assert shown.endswith("\r")
    # Where nobody looks there is none.
    ls.export("all", tmp_path / "c.jsonl", source=source)
    assert capfd.readouterr().err == ""


def test_somebody_elses_file_is_not_replaced_when_it_came_meanwhile(tmp_path, rich):
    def meanwhile(done: int, total: int) -> None:
        (tmp_path / "a.md").write_text("theirs")

    with pytest.raises(ls.ConfigurationError, match="is there already"):
        ls.export("all", tmp_path / "a.md", source=rich, progress=meanwhile)
    assert (tmp_path / "a.md").read_text() == "theirs"


def _many(path: Path, sessions: int) -> Path:
    text = "word " * 400
    rows = [message_row(f"s{n}", seq, "assistant", f"{n} {text}") for n in range(sessions) for seq in range(1, 5)]
    return store_at(path, [session_row(f"s{n}") for n in range(sessions)], rows)


def test_few_conversations_are_held_at_a_time(tmp_path):
    source = source_of(
        [session_row(f"s{n}") for n in range(30)],
        [message_row(f"s{n}", seq, "user", "x" * 100_000) for n in range(30) for seq in range(1, 11)],
    )
    sizes = [chunk.tables["sessions"].num_rows for chunk in chunks(source, select(source))]
    assert sum(sizes) == 30
    assert max(sizes) <= 4


def test_what_was_read_of_a_store_does_not_stay_in_memory(tmp_path):
    ids = [f"s{n:05}" for n in range(12_000)]
    rows = [message_row(session_id, 1, "user", b64encode(os.urandom(4500)).decode()) for session_id in ids]
    store = store_at(tmp_path / "s.duckdb", [session_row(session_id) for session_id in ids], rows)
    source = open_source(store)
    held: list[int] = []

    def note(done: int, total: int) -> None:
        asked = source.query("SELECT sum(memory_usage_bytes)::BIGINT AS held FROM duckdb_memory()")
        held.append(asked["held"][0].as_py() >> 20)

    ls.export("all", tmp_path / "all.jsonl", source=source, progress=note)
    assert store.stat().st_size > 64 * 2**20
    assert len(held) > 10
    assert 0 < max(held) < 56, held  # MB; without an end to it that is all of the store


def test_a_conversation_that_is_larger_than_the_memory_of_the_writer(tmp_path):
    rows = [message_row("s1", n, "user", os.urandom(7 * 2**20).hex()) for n in range(1, 9)]
    source = source_of([session_row("s1")], rows)
    ls.export("s1", tmp_path / "a.duckdb", source=source)
    assert ls.messages(tmp_path / "a.duckdb")["content"].tolist() == [row["content"] for row in rows]


MEASURE = """
import re, resource, sys
from pathlib import Path
import langswarm_nb as ls
small, large, out, redact = *sys.argv[1:4], sys.argv[4] == "redact"
kinds = sys.argv[5:]
def write(path, source):
    if path.endswith(".bundle"):
        ls.share_bundle(path, redact=redact, source=source, progress=False)
    else:
        ls.export("all", path, source=source, redact=redact, progress=False)
def peak():
    # On Linux a child's ru_maxrss begins with what its parent had: that hides all that is less.
    status = Path("/proc/self/status")
    if status.exists():
        return int(re.search(r"VmHWM:\\s+(\\d+)", status.read_text())[1])
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
for kind in kinds:
    write(f"{out}/small.{kind}", small)
before = peak()
for kind in kinds:
    write(f"{out}/large.{kind}", large)
print(before, peak())
"""
SOAK = os.environ.get("LANGSWARM_NB_SOAK") == "1"


@pytest.mark.soak
@pytest.mark.timeout(3300)
@pytest.mark.parametrize("redact", ["", "redact"])
def test_memory_does_not_grow_with_the_number_of_sessions(tmp_path, redact):
    count = 10_000 if SOAK else 1000 if redact else 1500
    if redact:
        kinds = ["jsonl", "bundle"] if SOAK else ["jsonl"]
    else:
        kinds = ["json", "parquet", "zip", "bundle", "openai.jsonl"] + (["md", "html", "ipynb"] if SOAK else [])
    small, large = _many(tmp_path / "small.duckdb", 300), _many(tmp_path / "large.duckdb", count)
    out = tmp_path / "out"
    out.mkdir()
    done = subprocess.run(
        [sys.executable, "-c", MEASURE, str(small), str(large), str(out), redact, *kinds],
        capture_output=True, text=True, check=True, timeout=3000,
    )  # fmt: skip
    before, after = (int(number) / 1024 for number in done.stdout.split())
    (tmp_path / "memory.txt").write_text(
        f"{count} sessions, {large.stat().st_size >> 20} MB: {before:.0f}, {after:.0f} MB"
    )
    assert after - before < 120  # MB; the rows of 10,000 sessions in Python are some 300 MB
