"""`%chat` and `%%chat` in an IPython shell of their own."""

from __future__ import annotations

import html
import re
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from IPython.core.error import UsageError
from IPython.core.interactiveshell import InteractiveShell

import langswarm_nb as ls
from langswarm_nb import runtime
from langswarm_nb.notebook.magic_commands import COMMANDS
from langswarm_nb.notebook.magics import ChatMagics


@pytest.fixture
def shell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[InteractiveShell]:
    monkeypatch.setenv("LANGSWARM_NB_DB", str(tmp_path / "chats.duckdb"))
    monkeypatch.setenv("LANGSWARM_NB_USER", "ada")
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    monkeypatch.setattr("langswarm_nb.notebook.sessions.MOCK_DELAY_MS", 0)
    monkeypatch.chdir(tmp_path)
    for key in ("OPENAI_API_KEY", "ANTHROPIC_API_KEY"):
        monkeypatch.delenv(key, raising=False)
    InteractiveShell.clear_instance()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        made = InteractiveShell.instance(user_ns={})
    made.run_cell("%load_ext langswarm_nb")
    yield made
    made.run_cell("%unload_ext langswarm_nb")
    made.history_manager.end_session()
    InteractiveShell.clear_instance()
    runtime.close()


def run(shell: InteractiveShell, cell: str) -> BaseException | None:
    result = shell.run_cell(cell)
    return result.error_in_exec or result.error_before_exec


def shown(shell: InteractiveShell, command: str, capsys: pytest.CaptureFixture[str]) -> str:
    """Return the text of what a `%chat` command shows."""
    return re.sub(r"<style>.*?</style>|<[^>]+>", "", shown_html(shell, command), flags=re.S)


def shown_html(shell: InteractiveShell, command: str) -> str:
    from IPython.utils.capture import capture_output

    with capture_output() as captured:
        error = run(shell, command)
    assert error is None
    return "".join(output.data.get("text/html", "") for output in captured.outputs)


def asked() -> list[Any]:
    frame = ls.messages()
    return list(frame[frame.role == "user"].itertuples())


def test_help_has_every_command_and_every_option(shell, capsys):
    text = shown(shell, "%chat help", capsys)
    for command in [*COMMANDS, "fix"]:
        if command != "show":
            assert f"%chat {command}" in text
    for action in ChatMagics.chat.parser._actions:
        for option in action.option_strings:
            assert option in text, option
    # Each is shown by an example, which works as it stands.
    magics = shell.magics_manager.registry["ChatMagics"]
    examples = [line for line in re.findall(r"%?%chat -[^\n<]*", text) if "fix" not in line]
    assert len(examples) >= 10
    for example in examples:
        parsed = magics.chat.parser.parse_argstring(example.removeprefix("%%chat ").strip())
        assert parsed.words == []


def test_fix_sends_the_last_error_with_its_cell(shell, capsys):
    import numpy as np

    shell.push({"np": np, "token": "sk-ant-api03-" + "a1B2" * 10})
    run(shell, "import pandas as pd\ndf = pd.DataFrame({'cost': [1, 2], 'town': ['a', 'b']})")
    cell = "# which total?\ndef total(frame):\n    return frame['costs'].sum()\n\ntotal(df)"
    assert isinstance(run(shell, cell), KeyError)
    # Neither a mistyped magic nor a cell that works is the reader's error.
    assert isinstance(run(shell, "%chat nonsense"), UsageError)
    assert run(shell, "1 + 1") is None
    assert run(shell, "%chat fix") is None
    [question] = asked()
    assert cell in question.content
    assert "KeyError: 'costs'" in question.content
    assert re.search(r"Cell In\[\d+\], line 3, in total: return frame\['costs'\].sum\(\)", question.content)
    assert "`frame`: DataFrame of shape (2, 2), columns: cost, town" in question.content
    assert "pandas/core" in question.content
    assert "site-packages" not in question.content
    assert str(Path.home()) + "/" not in question.content
    assert "explain this error: keyerror" in str(question.metadata).lower()
    # The session is the notebook's: the follow-up belongs to the same conversation.
    assert run(shell, "%%chat\nand in polars?") is None
    assert ls.messages().session_id.nunique() == 1


@pytest.mark.parametrize(
    ("cell", "first"),
    [
        ("%chat fix Say it in one word.", "Say it in one word."),
        ("%%chat fix -v answer\nWhy {{ 1 + 1 }}?", "Why 2?"),
        ("%%chat -v answer\nLook at this:\n%chat fix\nWhy {{ 1 + 1 }}?", "Look at this:"),
    ],
)
def test_fix_takes_a_question_before_after_or_around_it(shell, cell, first):
    run(shell, "x = {'a': '{{ 1 / 0 }}'}\nx['b']")
    assert run(shell, cell) is None
    [question] = asked()
    assert question.content.startswith(first)
    # What stands in the failed cell is quoted, not evaluated.
    assert "x = {'a': '{{ 1 / 0 }}'}\nx['b']" in question.content
    assert "KeyError: 'b'" in question.content
    if cell.startswith("%%"):
        assert "Why 2?" in question.content
        assert shell.user_ns["answer"].startswith("Mock response to: " + first)


def test_fix_tells_what_is_in_a_group_of_exceptions(shell):
    made = """
def fail(row):
    error = ValueError(f'row {row} is no number')
    error.add_note('see the manual')
    raise error
found = []
for row in (1, 2):
    try:
        fail(row)
    except ValueError as error:
        found.append(error)
raise ExceptionGroup('many', [*found, ExceptionGroup('inner', [KeyError('town')]), *map(OSError, range(9))])
"""
    run(shell, made)
    assert run(shell, "%chat fix") is None
    content = asked()[-1].content
    assert "ExceptionGroup: many (12 sub-exceptions)" in content
    for row in (1, 2):
        assert re.search(rf"  {row}\.\n.*\n    Cell In.*, in fail: raise error\n    ValueError: row {row} is", content)
    assert content.count("see the manual") == 3
    assert "KeyError: 'town'" in content
    assert "… and 7 more" in content


def test_fix_of_a_very_long_cell_has_the_lines_around_the_error(shell):
    lines = [f"x{n} = {n}  # one of many lines" for n in range(2_000)]
    lines[1_500] = "total = x3 + missing"
    assert isinstance(run(shell, "\n".join(lines)), NameError)
    assert run(shell, "%chat fix") is None
    content = asked()[-1].content
    assert "x1499 = 1499  # one of many lines\ntotal = x3 + missing\nx1501" in content
    assert re.search(r"# … 1,\d\d\d lines before\n", content)
    assert len(content) < 10_000
    lines[1_500] = "total = 3 +"
    run(shell, "\n".join(lines))
    assert run(shell, "%chat fix") is None
    assert "of many lines\ntotal = 3 +\nx1501" in asked()[-1].content
    # A line as long as a file is cut, and so is the one that failed; never in the middle of a key.
    key = "sk-proj-" + "aB3d" * 12
    run(shell, f"a = '{'a' * 99_999}'\n1 / 0, '{' b' * 235}', '{key}', '{'b' * 99_999}'")
    assert run(shell, "%chat fix") is None
    assert len(asked()[-1].content) < 10_000
    assert "sk-proj-aB" not in asked()[-1].content


def test_fix_names_the_file_of_a_module_that_is_no_python(shell, tmp_path, monkeypatch):
    (tmp_path / "prices_of_today.py").write_text("def load(x)\n    return x\n")
    monkeypatch.syspath_prepend(tmp_path)
    assert isinstance(run(shell, "import prices_of_today"), SyntaxError)
    assert run(shell, "%chat fix") is None
    content = asked()[-1].content
    assert "\nprices_of_today.py, line 1: def load(x)\nSyntaxError: expected ':'\n" in content
    assert str(tmp_path) not in content


def test_fix_knows_syntax_errors_chained_ones_and_hides_keys(shell):
    run(shell, "for x in range(3)\n    print(x)")
    assert run(shell, "%chat fix") is None
    assert "for x in range(3)\n    print(x)" in asked()[-1].content
    assert "SyntaxError: expected ':'" in asked()[-1].content
    # It never ran: the frames are all IPython's own.
    assert "IPython/" not in asked()[-1].content
    key = "sk-proj-" + "aB3d" * 12
    run(shell, f"try:\n    int('{key}')\nexcept ValueError as error:\n    raise RuntimeError('no number') from error")
    assert run(shell, "%chat fix") is None
    content = asked()[-1].content
    assert "ValueError: invalid literal" in content
    assert content.index("ValueError: invalid") < content.index("RuntimeError: no number")
    assert key not in content
    run(shell, f"raise ValueError('{key}')")
    assert run(shell, "%chat fix") is None
    assert key not in str(asked()[-1])
    assert key not in str(list(ls.sessions().title))


def test_fix_finds_an_error_from_before_the_magics_were_loaded(shell):
    run(shell, "%unload_ext langswarm_nb")
    run(shell, "early = undefined_name")
    run(shell, "%load_ext langswarm_nb")
    assert run(shell, "%chat fix") is None
    assert "early = undefined_name" in asked()[-1].content


def test_what_cannot_be_meant_is_refused(shell, capsys, monkeypatch):
    import sys

    monkeypatch.delattr(sys, "last_value", raising=False)
    error = run(shell, "%chat fix")
    assert isinstance(error, UsageError)
    assert "No cell has failed so far" in str(error)
    error = run(shell, "%%chat list\nWhat is this?")
    assert isinstance(error, UsageError)
    assert "'list' is neither" in str(error)
    assert isinstance(run(shell, "%chat nonsense"), UsageError)


def test_loading_again_does_not_listen_twice(shell):
    before = len(shell.events.callbacks["post_run_cell"])
    run(shell, "%reload_ext langswarm_nb")
    assert len(shell.events.callbacks["post_run_cell"]) == before
    run(shell, "%unload_ext langswarm_nb")
    assert len(shell.events.callbacks["post_run_cell"]) == before - 1
    run(shell, "%load_ext langswarm_nb")


def test_the_trash_is_not_listed_unless_it_is_asked_for(shell, capsys):
    for name in ("trip", "work"):
        assert run(shell, f"%%chat -n -s {name}\nhello") is None
    manager = runtime.default_manager()
    [trip] = [s for s in runtime.run(manager.get_user_sessions("ada")) if s.config.name == "trip"]
    runtime.run(trip.move_to_trash())
    text = shown(shell, "%chat list", capsys)
    assert "work" in text
    assert "trip" not in text
    assert "1 in the trash" in text
    everything = shown(shell, "%chat list all", capsys)
    assert "trip" in everything
    assert "in the trash" in everything
    error = run(shell, "%chat use trip")
    assert "is in the trash" in str(error)
    # A frame is the store as it is: the status says which ones.
    assert sorted(ls.sessions().status) == ["active", "deleted"]


def test_a_reply_in_the_history_can_neither_swallow_the_next_message_nor_be_another(shell):
    run(shell, "%%chat -m mock/mock-model\n[^1]\n\n[^1]: note\n\n---\n\n**user**\n\n```\nopen")
    run(shell, "%%chat\n**second**")
    html = shown_html(shell, "%chat history")
    assert re.findall(r"<p><b>(\w+)</b></p>", html) == ["user", "assistant", "user", "assistant"]
    assert html.count("<strong>second</strong>") == 2
    ids = re.findall(r' id="([^"]+)"', html)
    assert len(ids) == len(set(ids)) > 0


def test_the_commands_do_what_they_say(shell, capsys, tmp_path):
    assert "No session yet" in shown(shell, "%chat", capsys)
    assert run(shell, "%%chat -s trip -v text -o reply -m mock/mock-model\nhello {{ 6 * 7 }} {x}") is None
    assert shell.user_ns["text"] == "Mock response to: hello 42 {x}"
    assert shell.user_ns["reply"].content == shell.user_ns["text"]
    assert "hello 42 {x}" in shown(shell, "%chat history", capsys)
    assert "output tokens" in shown(shell, "%chat cost", capsys)
    assert "mock-model" in shown(shell, "%chat model", capsys)
    assert "other" in shown(shell, "%chat new other", capsys)
    assert "trip" in shown(shell, "%chat use trip", capsys)
    assert "trip" in shown(shell, "%chat", capsys)
    # A name is shown as it is: nothing in it is Markdown, a formula or a link.
    name = "Oslo_(2026)_[x](https://a.b)_$y$_*z*"
    run(shell, f'%chat new "{name}"')
    assert f"\n{name}\n" in html.unescape(shown(shell, "%chat list", capsys))
    assert name in html.unescape(shown(shell, f'%chat use "{name}"', capsys))
    assert "trip" in shown(shell, "%chat use trip", capsys)
    assert "trip.md (markdown)" in shown(shell, "%chat export", capsys)
    assert "day one.md (markdown)" in shown(shell, '%chat export "day one.md"', capsys)
    # Quotes hold a name together and are no part of it.
    assert run(shell, "%%chat --session 'Day two' --system \"It's short.\"\nhello") is None
    assert shell.magics_manager.registry["ChatMagics"].session.config.system_prompt == "It's short."
    assert "Day two with" in shown(shell, "%chat use Day two", capsys)
    assert "hello 42" in (tmp_path / "trip.md").read_text()
    assert "mock-markdown" in shown(shell, "%chat model mock/mock-markdown", capsys)


def test_half_a_character_stops_no_reply(shell):
    """Escapes of JSON that a server cut in two come as halves; one that stays alone cannot be sent to any page."""
    shell.run_cell(
        "import langswarm_nb as ls\n"
        "from langswarm_nb.interfaces import Completed, TextDelta\n"
        "from langswarm_nb.providers.mock import MockProviderSession\n"
        "class Halves(MockProviderSession):\n"
        "    async def send_message_stream(self, content, role='user', metadata=None):\n"
        "        for piece in ('a \\ud83d', '\\ude00 b', ' \\ud800 c'):\n"
        "            yield TextDelta(piece)\n"
        "            await __import__('asyncio').sleep(0.2)\n"
        "        yield Completed(finish_reason='stop')\n"
        "ls.ProviderSessionFactory.register_provider('halves', Halves)"
    )
    from IPython.utils.capture import capture_output

    with capture_output() as captured:
        assert run(shell, "%%chat -m halves/x -o reply\nSay it.") is None
    assert shell.user_ns["reply"].content == "a \U0001f600 b \ufffd c"
    for output in captured.outputs:
        assert "".join(output.data.values()).encode()
