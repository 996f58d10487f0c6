"""Secrets of many kinds as they stand in real conversations, made up anew for each seed."""

from __future__ import annotations

import random
import string
from collections.abc import Callable
from dataclasses import dataclass

LETTERS = string.ascii_letters + string.digits
HEX = "0123456789abcdef"
URL64 = LETTERS + "_-"


@dataclass(frozen=True)
class Planted:
    """A text with a secret in it; `secret` is what must be found nowhere afterwards."""

    kind: str
    text: str
    secret: str


class Maker:
    def __init__(self, seed: int) -> None:
        self.rng = random.Random(seed)

    def of(self, alphabet: str, length: int) -> str:
        """Return a token that has letters and digits, whatever the dice say."""
        body = "".join(self.rng.choice(alphabet) for _ in range(length - 3))
        letters = [letter for letter in alphabet if letter.isalpha()] or ["0"]
        return body[: length // 2] + self.rng.choice(letters) + body[length // 2 :] + f"{self.rng.randrange(10, 99)}"

    def digits(self, length: int) -> str:
        return "".join(self.rng.choice(string.digits) for _ in range(length))

    def name(self) -> str:
        return self.of(string.ascii_lowercase, 9).rstrip(string.digits) + self.rng.choice(["", "ova", "sen"])

    def card(self) -> str:
        digits = "4" + self.digits(14)
        total = sum(
            value - 9 if value > 9 else value for value in (int(d) * (2 - place % 2) for place, d in enumerate(digits))
        )
        whole = digits + str(-total % 10)
        return self.rng.choice([whole, " ".join(whole[i : i + 4] for i in range(0, 16, 4))])

    def iban(self) -> str:
        account = self.digits(18)
        check = 98 - int(account + "131400") % 97  # DE00
        return f"DE{check:02}{account}"


def _prefixed(prefix: str, alphabet: str, length: int, suffix: str = "") -> Callable[[Maker], tuple[str, str]]:
    def make(m: Maker) -> tuple[str, str]:
        token = prefix + m.of(alphabet, length) + suffix
        return token, token

    return make


def _around(template: str, make: Callable[[Maker], str]) -> Callable[[Maker], tuple[str, str]]:
    def planted(m: Maker) -> tuple[str, str]:
        secret = make(m)
        return template.replace("@@", secret), secret

    return planted


def _private_key(label: str) -> Callable[[Maker], tuple[str, str]]:
    def make(m: Maker) -> tuple[str, str]:
        lines = [m.of(LETTERS + "+/", 64) for _ in range(5)]
        body = "\n".join(lines)
        return f"-----BEGIN {label}-----\n{body}\n-----END {label}-----", lines[m.rng.randrange(5)]

    return make


def _aws_secret(m: Maker) -> str:
    return m.of(LETTERS + "/+", 40)


KINDS: dict[str, Callable[[Maker], tuple[str, str]]] = {
    "openai": _prefixed("sk-proj-", URL64, 48),
    "anthropic": _prefixed("sk-ant-api03-", URL64, 60),
    "openrouter": _prefixed("sk-or-v1-", HEX, 64),
    "groq": _prefixed("gsk_", LETTERS, 48),
    "hugging face": _prefixed("hf_", LETTERS, 34),
    "replicate": _prefixed("r8_", LETTERS, 37),
    "github": _prefixed("ghp_", LETTERS, 36),
    "github fine-grained": _prefixed("github_pat_", LETTERS + "_", 60),
    "gitlab": _prefixed("glpat-", URL64, 20),
    "slack": _prefixed("xoxb-", string.digits, 12, "-abcDEF123ghiJKL456mno"),
    "slack webhook": _around("https://hooks.slack.com/services/T0AB12CD3/B0XY98ZW7/@@", lambda m: m.of(LETTERS, 24)),
    "aws id": _prefixed("AKIA", string.ascii_uppercase, 16),
    "aws secret": _around("aws_secret_access_key = @@", _aws_secret),
    "google": _prefixed("AIza", URL64, 35),
    "google oauth": _prefixed("ya29.", URL64, 60),
    "stripe": _prefixed("sk_live_", LETTERS, 24),
    "stripe webhook": _prefixed("whsec_", LETTERS, 32),
    "sendgrid": lambda m: (lambda token: (token, token))(f"SG.{m.of(URL64, 22)}.{m.of(URL64, 43)}"),
    "twilio": _prefixed("SK", HEX, 32),
    "mailgun": _prefixed("key-", HEX, 32),
    "npm": _prefixed("npm_", LETTERS, 36),
    "pypi": _prefixed("pypi-AgEIcHlwaS5vcmc", URL64, 60),
    "docker": _prefixed("dckr_pat_", URL64, 27),
    "databricks": _prefixed("dapi", HEX, 32),
    "digitalocean": _prefixed("dop_v1_", HEX, 64),
    "shopify": _prefixed("shpat_", HEX, 32),
    "linear": _prefixed("lin_api_", LETTERS, 40),
    "vault": _prefixed("hvs.", URL64, 40),
    "telegram": lambda m: (lambda token: (token, token))(f"{m.rng.randrange(10**9, 10**10)}:AA{m.of(URL64, 33)}"),
    "jwt": lambda m: (lambda token: (token, token))(
        f"eyJhbGciOiJIUzI1NiJ9.eyJ{m.of(URL64, 40)}.{m.of(URL64, 43)}"
    ),
    "bearer": _around("Authorization: Bearer @@", lambda m: m.of(LETTERS, 40)),
    "basic": _around("curl -H 'Authorization: Basic @@' https://api.example.com", lambda m: m.of(LETTERS, 24) + "=="),
    "cookie": _around("Cookie: theme=dark; sessionid=@@", lambda m: m.of(LETTERS, 32)),
    "rsa key": _private_key("RSA PRIVATE KEY"),
    "openssh key": _private_key("OPENSSH PRIVATE KEY"),
    "pgp key": _private_key("PGP PRIVATE KEY BLOCK"),
    "postgres url": _around("postgresql://app:@@@db.example.com:5432/prod", lambda m: m.of(LETTERS, 16)),
    "mongodb url": _around("mongodb+srv://root:@@@cluster0.example.net/?w=1", lambda m: m.of(LETTERS + "!%", 14)),
    "redis url": _around("redis://:@@@cache.example.com:6379/0", lambda m: m.of(LETTERS, 20)),
    "dotnet": _around("Server=db;Database=x;User Id=sa;Password=@@;", lambda m: m.of(LETTERS + "!#", 14)),
    "azure storage": _around("AccountName=x;AccountKey=@@;Endpoint=y", lambda m: m.of(LETTERS + "+/", 86) + "=="),
    "signed url": _around("https://x.example/f?sv=2024-01-01&sig=@@&se=2027", lambda m: m.of(LETTERS + "%", 44)),
    "token in url": _around("git clone https://@@@git.example.com/a/b.git", lambda m: m.of(LETTERS, 40)),
    "env password": _around("export DB_PASSWORD=@@", lambda m: m.of(LETTERS, 12)),
    "json api key": _around('{"api_key": "@@", "n": 3}', lambda m: m.of(LETTERS, 32)),
    "escaped json": _around('{\\"client_secret\\": \\"@@\\"}', lambda m: m.of(LETTERS, 32)),
    "yaml secret": _around("secret: '@@'", lambda m: m.of(LETTERS, 20)),
    "password in words": _around("The password is @@, do not tell.", lambda m: m.of(LETTERS, 10)),
    "option": _around("mysqldump --password=@@ prod > dump.sql", lambda m: m.of(LETTERS, 12)),
    "curl user": _around("curl -u admin:@@ https://jenkins.example.com", lambda m: m.of(LETTERS, 12)),
    "email": lambda m: (lambda mail: (f"Write to {mail}.", mail))(f"{m.name()}.{m.name()}@{m.name()}.example.com"),
    "phone": lambda m: (lambda n: (f"Call +49 {n} today", n))(f"30 {m.rng.randrange(2, 9)}{m.digits(6)}"),
    "us phone": lambda m: (lambda n: (f"Call {n}, please", n))(f"(415) 555-{m.digits(4)}"),
    "card": _around("My card is @@, thanks.", Maker.card),
    "iban": _around("Pay to @@ by Friday", Maker.iban),
    "ssn": _around("SSN: @@", lambda m: f"{m.rng.randrange(100, 665)}-{m.rng.randrange(10, 99)}-4{m.digits(3)}"),
    "linux home": _around("open('/home/@@/thesis/data.csv')", Maker.name),
    "mac home": _around("File \"/Users/@@/code/app.py\", line 3", Maker.name),
    "windows home": _around("C:\\Users\\@@\\Desktop\\notes.txt", Maker.name),
}  # fmt: skip


def plant(count: int, seed: int = 0) -> list[Planted]:
    """Return `count` texts with a secret, the kinds in turn."""
    maker = Maker(seed)
    kinds = list(KINDS)
    return [Planted(kind, *KINDS[kind](maker)) for kind in (kinds[number % len(kinds)] for number in range(count))]
