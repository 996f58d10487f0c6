"""Secrets that are known by what stands before them: `password = ...`, an Authorization header, a URL's credentials.

What follows such a name in code is mostly no secret (a call, a type, a placeholder): a value has to look like one.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

Span = tuple[int, int]

_PASSWORDS = r"password|passwd|passphrase|passcode|pwd|secret"
_KEYS = (
    r"(?:api|access|account|private|signing|encryption|license|subscription|service|master|auth)[_\- ]?key|token|"
    r"credentials?|signature|session[_\-]?id|client[_\-]?id"
)
_ASSIGNED = re.compile(
    rf"""(?:(?P<password>{_PASSWORDS})|(?:{_KEYS}))(?![a-z])
        (?:\\*["'\]`*]*\s{{0,3}}(?:=>|:=|[:=])\s{{0,3}}|[ ]is:?[ ])(?:\#\s)?
        (?:\*\*\s)?
        (?:\\*(?P<quote>["'`])(?P<quoted>[^"'`\n]{{3,300}}?)\\*(?P=quote)|(?P<bare>[^\s"'`,;<>(){{}}\[\]&|\\]{{5,300}}))""",
    re.I | re.X,
)
_OPTION = re.compile(
    r"""(?<![\w\-])--?(?:password|passwd|pass|pwd|token|secret|api-?key|auth-?token|access-?token)[\ =]
        ['"]?([^\s'"<>$]{4,300})""",
    re.I | re.X,
)
_CURL_USER = re.compile(r"(?<=\s)(?:-u|--user)[ =]?['\"]?([^\s:'\"]{1,100}:[^\s'\"]{1,300})")
_NETRC = re.compile(r"\blogin\s{1,5}\S{1,100}\s{1,5}password\s{1,5}(\S{1,300})", re.I)
_PGPASS = re.compile(r"(?<=\s)[\w.\-]{1,100}:\d{2,5}:[\w*\-]{1,60}:[\w*\-]{1,60}:(\S{4,200})$", re.M)
_AUTHORIZATION = re.compile(
    r"""\b(?:proxy-)?authorization\\*["']?\s{0,3}[:=,]\s{0,3}\\*["']?(?:(?:bearer|basic|token|digest|apikey|key)\s{1,3})?
        (?![a-z_.]+[(\s])([^\s"',;}\\{$<()]{8,4000})""",
    re.I | re.X,
)
_SCHEME = re.compile(r"\b(?:bearer|basic)\s{1,3}((?=[A-Za-z0-9._~+/\-]*(?-i:[0-9A-Z=]))[A-Za-z0-9._~+/\-]{8,}=*)", re.I)
_COOKIE = re.compile(r"\b(?:set-)?cookie\\*[\"']?\s{0,3}:\s{0,3}\\*[\"']?([\w\-.]{1,60}=[^\"'\n\r\\]{4,4000})", re.I)
_KEY_HEADER = re.compile(
    r"\b(?:x|ocp-apim)-[a-z\-]{0,30}(?:key|token|secret|signature)\\*[\"']?\s{0,3}:\s{0,3}\\*[\"']?([^\s\"',;\\]{6,2000})",
    re.I,
)
_QUERY = re.compile(
    r"""[?&](?:key|sig|code|auth|token|[a-z_\-]{0,30}(?:token|secret|password|passwd|pwd|signature|credential|api[_\-]?key))=
        ([^&\s"'<>)\]\\]{6,4000})""",
    re.I | re.X,
)
# With a password, up to the last @ before the path: a password may hold one itself.
_URL_LOGIN = re.compile(r"""(?<=://)[^\s/:@"'<>]*:[^\s/"'<>]+(?=@)""")
_URL_TOKEN = re.compile(r"""(?<=://)(?!git@)[^\s/:@"'<>]{12,200}(?=@)""")
_PRIVATE_KEY = re.compile(r"-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----")
_KEY_END = re.compile(r"-----END [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----")
_KEY_REST = re.compile(r"(?:[A-Za-z0-9+/=\s]|\\[nr]|[A-Za-z\-]{1,20}: )*+")
_PUTTY = re.compile(r"PuTTY-User-Key-File-\d:")
_PUTTY_END = re.compile(r"Private-MAC: [0-9a-f]{20,}")

# Each is only looked for where one of these words is, which is seldom.
_BY_HINT = (
    (("authorization",), _AUTHORIZATION),
    (("cookie",), _COOKIE),
    (("x-", "ocp-"), _KEY_HEADER),
    (("?", "&"), _QUERY),
    (("-u ", "-u=", "-u'", '-u"', "--user"), _CURL_USER),
    (("login",), _NETRC),
    ((":5432:", "pgpass", ":3306:", ":*:"), _PGPASS),
    (("bearer", "basic"), _SCHEME),
    (("-pass", "-pwd", "-token", "-secret", "-api", "-auth", "-access"), _OPTION),
)
_NAMES = ("pass", "pwd", "secret", "key", "token", "credential", "signature", "session", "client")
# What examples write where a secret goes.
_PLACEHOLDER = re.compile(
    r"""(?:your|my|the|some|an?|enter|insert|replace|change|example|dummy|fake|sample)?[_\- ]?
        (?:x{3,}|\*{3,}|\.{3,}|•{3,}|string|str|text|none|null|true|false|required|optional|undefined|hidden|redacted|
           password|passwd|secret|token|api[_\-]?key|key|value|here|todo|example|placeholder)(?:[_\- ]?here)?
      | <.*|\$.*|%.*|\{.*|\[.*|your[_\- ].*|.*\bhere|os\..*|env\..*|process\..*""",
    re.I | re.X,
)
_IDENTIFIER = re.compile(r"[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*")
_HAS_LETTER = re.compile(r"[A-Za-z]")
_HAS_DIGIT = re.compile(r"\d")


def assigned_secrets(text: str) -> Iterator[Span]:
    """Yield where `text` has a value that its name or its place makes a secret, as (start, end)."""
    if "://" in text and "@" in text:
        yield from (match.span() for match in _URL_LOGIN.finditer(text))
        yield from (match.span() for match in _URL_TOKEN.finditer(text))
    lower = text.lower()
    for hints, pattern in _BY_HINT:
        if any(hint in lower for hint in hints):
            for match in pattern.finditer(text):
                if not _PLACEHOLDER.fullmatch(match[1]):
                    yield match.span(1)
    if not any(name in lower for name in _NAMES):
        return
    for match in _ASSIGNED.finditer(text):
        which = "quoted" if match["quoted"] is not None else "bare"
        value = match[which].rstrip(".!?:") if which == "bare" else match[which]
        end = match.start(which) + len(value)
        in_words = match.group().lower().startswith(("secret is", "password is", "token is"))
        if _looks_secret(value, bool(match["password"]), which == "quoted", text[end : end + 1], in_words):
            yield match.start(which), end


def private_keys(text: str) -> Iterator[Span]:
    """Yield where `text` has a private key, its first and last line included; one that was cut off, to its end."""
    for begin, end in ((_PRIVATE_KEY, _KEY_END), (_PUTTY, _PUTTY_END)):
        position = 0
        while found := begin.search(text, position):
            last = end.search(text, found.end())
            following = begin.search(text, found.end())
            if last is not None and (following is None or last.start() < following.start()):
                position = last.end()
            else:
                rest = _KEY_REST.match(text, found.end())
                position = rest.end() if rest else found.end()
            yield found.start(), position


def _looks_secret(value: str, is_password: bool, is_quoted: bool, next_letter: str, in_words: bool) -> bool:
    if len(value) < 3 or _PLACEHOLDER.fullmatch(value) or "://" in value:
        return False
    mixed = bool(_HAS_DIGIT.search(value)) and bool(_HAS_LETTER.search(value))
    if is_quoted:
        if any(letter.isspace() for letter in value):
            return False
        return is_password or (mixed and len(value) >= 8) or len(value) >= 20
    if next_letter in ("(", "["):
        return False
    if is_password:
        odd = any(not letter.isalnum() and letter not in "._-/" for letter in value)
        if _IDENTIFIER.fullmatch(value) and not (mixed and "." not in value):
            return False
        return mixed or (odd and not in_words) or value.isdigit()
    return mixed and len(value) >= 12 and not ("." in value and _IDENTIFIER.fullmatch(value))
