"""Finding personal data in running text by its shape, and by its checksum where it has one.

E-mail addresses, payment cards (Luhn, ISO/IEC 7812), phone numbers, US social security numbers, IBANs (mod 97,
ISO 13616), API keys, private keys, and passwords by the name that they are given to. A shape alone is
no proof: what carries a checksum is only found when the sum is right.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .assigned import assigned_secrets, private_keys
from .secrets import secret_spans

Span = tuple[int, int]

# Every quantifier that could run over a long text is possessive, so that no text takes more than linear time.
_EMAIL = re.compile(r"(?<![\w.%+\-])[\w.%+\-]++@(?:[^\W_](?:[\w\-]*+)\.)+[^\W\d_]{2,24}\b")
_DIGIT_RUN = re.compile(r"(?<![\w.])\d++(?:[ \-]\d++)*+(?!\w)")
# The big networks by how their numbers begin and how long they are.
_CARD = re.compile(r"4(?:\d{12}|\d{15}|\d{18})|5[1-5]\d{14}|2[2-7]\d{14}|3[47]\d{13}|3[0689]\d{12}|6\d{15,18}")
_CARD_GROUPS = {(4, 4, 4, 4), (4, 4, 4, 4, 3), (4, 6, 5), (4, 6, 4)}
_SSN = re.compile(r"(?<![\w\-])(?!000|666|9)\d{3}([ \-])(?!00)\d{2}\1(?!0000)\d{4}(?![\w\-])")
_NAMED_SSN = re.compile(
    r"\b(?:ssn|social security(?: (?:number|no\.?))?)\b[^\w]{0,4}(?:is[^\w]{1,3})?(?!000|666|9)(\d{9})(?!\d)", re.I
)
_PHONE = re.compile(
    r"""(?<![\w.@/\-])(?:
          \+\d{1,3}(?:[ .\-/]?\(?\d{1,5}\)?){1,6}                # +49 30 1234567, +1 (555) 010-9999
        | (?:1[ .\-]?)?(?:\(\d{3}\)[ ]?|\d{3}[.\-])\d{3}[.\- ]\d{4}  # (555) 010-9999, 555-010-9999
        | 1?[ ]?\d{3}[ ]\d{3}[ ]\d{4}                            # 555 010 9999
        | (?<!\d[ ])\(?0[1-9]\d{0,4}\)?(?:[ /\-]\d{2,8}){1,4}                   # 030 1234567, (0171) 234-5678
        )(?![\w@])""",
    re.X,
)
_IBAN_START = re.compile(r"(?<![A-Za-z0-9])[A-Za-z]{2}\d{2}(?=[ \-]?[A-Za-z0-9])")
# Lengths by country, from the IBAN registry of SWIFT.
_IBAN_LENGTHS = {
    country: length
    for length, countries in {
        15: "NO", 16: "BE", 18: "DK FO FI GL NL SD FK", 19: "MK SI", 20: "AT BA EE KZ LT LU XK MN",
        21: "CH HR LI LV", 22: "BG BH CR DE GB GE IE ME RS VA", 23: "AE GI IL IQ OM TL SO",
        24: "AD CZ DZ ES MD PK RO SA SE SK TN VG", 25: "LY PT ST", 26: "IS TR", 27: "BF BI BJ DJ FR GR IT MC MR SM",
        28: "AL AZ BY CI CY DO GT HN HU LB NI PL SN SV", 29: "BR EG PS QA UA", 30: "JO KW MU YE", 31: "MT SC",
        32: "LC", 33: "RU",
    }.items()
    for country in countries.split()
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Finding:
    """Something personal at `text[start:end]`; `kind` is one of KINDS."""

    kind: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Redacted:
    """A text without what was found in it, and how many of each kind that was."""

    text: str
    counts: Counter[str]


def find(text: str, kinds: Iterable[str] | None = None) -> list[Finding]:
    """Return what is personal in `text`, in order and without overlaps; ValueError names a kind there is not."""
    claimed = bytearray(len(text))
    found: list[Finding] = []
    for kind in _checked(kinds):
        for start, end in _FINDERS[kind](text):
            if not any(claimed[start:end]):
                claimed[start:end] = b"\1" * (end - start)
                found.append(Finding(kind, start, end))
    return sorted(found, key=lambda finding: finding.start)


def redact(text: str, kinds: Iterable[str] | None = None, mask: str = "[{kind}]") -> Redacted:
    """Return `text` with `mask` in place of everything personal; `{kind}` in it stands for what was there."""
    findings = find(text, kinds)
    pieces: list[str] = []
    position = 0
    for finding in findings:
        pieces += [text[position : finding.start], mask.replace("{kind}", finding.kind)]
        position = finding.end
    return Redacted("".join([*pieces, text[position:]]), Counter(finding.kind for finding in findings))


def redact_value(value: Any, kinds: Iterable[str] | None = None, mask: str = "[{kind}]") -> tuple[Any, Counter[str]]:
    """Return `value` with every text in it, at any depth of lists and mappings, redacted; and the counts."""
    counts: Counter[str] = Counter()
    chosen = _checked(kinds)

    def walk(item: Any) -> Any:
        if isinstance(item, str):
            done = redact(item, chosen, mask)
            counts.update(done.counts)
            return done.text
        if isinstance(item, Mapping):
            return {key: walk(inner) for key, inner in item.items()}
        if isinstance(item, Sequence) and not isinstance(item, (bytes, bytearray)):
            return [walk(inner) for inner in item]
        return item

    return walk(value), counts


def _checked(kinds: Iterable[str] | None) -> tuple[str, ...]:
    wanted = KINDS if kinds is None else set(kinds)
    unknown = sorted(set(wanted) - set(KINDS))
    if unknown:
        raise ValueError(f"There is no kind {', '.join(map(repr, unknown))} to redact. Use: {', '.join(KINDS)}.")
    return tuple(kind for kind in KINDS if kind in wanted)


def _emails(text: str) -> Iterator[Span]:
    if "@" in text:
        yield from (match.span() for match in _EMAIL.finditer(text))


def _cards(text: str) -> Iterator[Span]:
    """Yield runs of digit groups that make a card's number: grouped, beginning and ending as one."""
    for run in _DIGIT_RUN.finditer(text):
        groups = [(run.start() + m.start(), run.start() + m.end()) for m in re.finditer(r"\d+", run.group())]
        first = 0
        while first < len(groups):
            last = _card_end(text, groups, first)
            if last is None:
                first += 1
            else:
                yield groups[first][0], groups[last][1]
                first = last + 1


def _card_end(text: str, groups: list[Span], first: int) -> int | None:
    """Return the last group of the longest card number that begins with group `first`, or None."""
    pieces: list[str] = []
    found = None
    for last in range(first, min(first + 5, len(groups))):
        pieces.append(text[slice(*groups[last])])
        grouped = len(pieces) == 1 or tuple(map(len, pieces)) in _CARD_GROUPS
        if grouped and _CARD.fullmatch("".join(pieces)) and _passes_luhn("".join(pieces)):
            found = last
    return found


def _passes_luhn(digits: str) -> bool:
    total = 0
    for place, digit in enumerate(reversed(digits)):
        value = int(digit) * (1 + place % 2)
        total += value - 9 if value > 9 else value
    return total % 10 == 0


def _phones(text: str) -> Iterator[Span]:
    for match in _PHONE.finditer(text):
        count = sum(character.isdigit() for character in match.group())
        least = 9 if match.group().lstrip("(").startswith("0") else 8  # 01-02-2024 is a date
        if least <= count <= 15:
            yield match.span()


def _ssns(text: str) -> Iterator[Span]:
    yield from (match.span() for match in _SSN.finditer(text))
    yield from (match.span(1) for match in _NAMED_SSN.finditer(text))


def _ibans(text: str) -> Iterator[Span]:
    for match in _IBAN_START.finditer(text):
        length = _IBAN_LENGTHS.get(match.group()[:2].upper())
        end = _end_after(text, match.start(), length) if length else None
        if end is not None and _passes_mod_97(text[match.start() : end]):
            yield match.start(), end


def _end_after(text: str, start: int, count: int) -> int | None:
    """Return where `count` letters or digits, with single spaces or hyphens between, end as a word; or None."""
    position = start
    while count and position < len(text):
        character = text[position]
        if character.isascii() and character.isalnum():
            count -= 1
        elif character not in " -" or text[position - 1] in " -":
            return None
        position += 1
    ends_here = position == len(text) or not text[position].isalnum()
    return position if not count and ends_here else None


def _passes_mod_97(written: str) -> bool:
    plain = re.sub(r"[ \-]", "", written).upper()
    return int("".join(str(int(character, 36)) for character in plain[4:] + plain[:4])) % 97 == 1


# In the order of precedence: where two overlap, the earlier kind wins.
_FINDERS: dict[str, Callable[[str], Iterable[Span]]] = {
    "private_key": private_keys,
    "api_key": secret_spans,
    "password": assigned_secrets,
    "email": _emails,
    "iban": _ibans,
    "card": _cards,
    "ssn": _ssns,
    "phone": _phones,
}
KINDS = tuple(_FINDERS)
