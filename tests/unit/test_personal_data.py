"""What is found in a text as personal, and what is not."""

from __future__ import annotations

import time
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from langswarm_nb.redaction import find, redact, redact_value


@pytest.mark.parametrize(
    ("kind", "written"),
    [
        ("email", "ada.l+x@ex-ample.co.uk"),
        ("email", "o_o@sub.domain.museum"),
        ("card", "4111 1111 1111 1111"),
        ("card", "4111-1111-1111-1111"),
        ("card", "378282246310005"),
        ("card", "5555555555554444"),
        ("phone", "+49 30 1234567"),
        ("phone", "(555) 010-9999"),
        ("phone", "555-010-9999"),
        ("phone", "+1 415 555 2671"),
        ("phone", "030 1234567"),
        ("ssn", "078-05-1120"),
        ("iban", "DE89 3704 0044 0532 0130 00"),
        ("iban", "GB29NWBK60161331926819"),
        ("iban", "NO93 8601 1117 947"),
        ("api_key", "sk-proj-abcdefghijk123456"),
        ("api_key", "ghp_abcdefghijklmnopqrstuvwx"),
        ("api_key", "Bearer abcdefghijklmnop"),
    ],
)
def test_found_in_a_sentence(kind, written):
    done = redact(f"It is {written}, as I said.")
    assert done.text == f"It is [{kind}], as I said."
    assert done.counts == {kind: 1}
    assert redact(written).text == f"[{kind}]"


@pytest.mark.parametrize(
    "text",
    [
        "4111 1111 1111 1112",  # the check digit is wrong
        "DE89 3704 0044 0532 0130 01",
        "ada@home, @decorator, a@b",
        "000-12-3456 and 666-12-3456",
        "2024-01-02 12:30:00, 01-02-2024, 192.168.100.200",
        "3.14159265358979, 10 000 000, 1700000000000",
        "550e8400-e29b-41d4-a716-446655440000",
        "the task-list and the desk-top",
        "[0, 1, 2, 3] + [10, 20, 30]",
        "0000000000000000",
    ],
)
def test_left_alone(text):
    assert redact(text).text == text


def test_several_kinds_at_once_and_only_those_that_are_asked_for():
    text = "ada@x.org pays with 4111 1111 1111 1111; ssn: 078051120"
    assert redact(text).text == "[email] pays with [card]; ssn: [ssn]"
    assert redact(text, ["card"]).text == "ada@x.org pays with [card]; ssn: 078051120"
    assert redact(text, mask="***").text == "*** pays with ***; ssn: ***"
    with pytest.raises(ValueError, match="passport"):
        redact(text, ["passport"])


def test_values_at_any_depth():
    value, counts = redact_value({"a": [{"b": "write to ada@x.org"}, 4, None], "ada@x.org": True})
    assert value == {"a": [{"b": "write to [email]"}, 4, None], "ada@x.org": True}
    assert counts == {"email": 1}


@given(st.text())
def test_any_text_can_be_searched_and_what_is_found_does_not_overlap(text):
    findings = find(text)
    assert all(a.end <= b.start for a, b in pairwise(findings))
    assert all(0 <= f.start < f.end <= len(text) for f in findings)


@pytest.mark.parametrize("unit", ["a", "a@", "1 ", "a.", "+1 ", "DE89 ", "a-", "(", "x@a-", "0 ", "4111 "])
def test_no_text_takes_forever(unit):
    begin = time.process_time()
    find(unit * (100_000 // len(unit)))
    assert time.process_time() - begin < 3
