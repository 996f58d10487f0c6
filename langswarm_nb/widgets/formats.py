"""Numbers as people read them; what is unknown is a dash, never 0."""

from __future__ import annotations

from decimal import Decimal

UNKNOWN = "–"


def seconds(value: float | None) -> str:
    """Return a duration: `0.4 s`, `12 s`, `3 min 5 s`."""
    if value is None:
        return UNKNOWN
    if value < 9.95:
        return f"{value:.1f} s"
    minutes, rest = divmod(round(value), 60)
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"


def tokens(value: int | None) -> str:
    """Return a count with its unit: `412 tokens`, `1,204 tokens`."""
    if value is None:
        return f"{UNKNOWN} tokens"
    return f"{value:,} token{'' if value == 1 else 's'}"


def dollars(value: Decimal | float | None) -> str:
    """Return an amount to two significant digits below ten cents: `$0.004`, `$0.12`, `$3.40`."""
    if value is None:
        return UNKNOWN
    amount = Decimal(value)
    if amount == 0:
        return "$0"
    if amount < Decimal("0.0001"):
        return "< $0.0001"
    if amount < Decimal("0.1"):
        places = 1 - amount.adjusted()
        return f"${amount:.{places}f}".rstrip("0")
    return f"${amount:,.2f}"


def size(value: int) -> str:
    """Return a number of bytes: `640 bytes`, `12 kB`, `3.4 MB`."""
    if value < 1024:
        return f"{value} byte{'' if value == 1 else 's'}"
    return f"{value / 1024:.0f} kB" if value < 1023.5 * 1024 else f"{value / 2**20:.1f} MB"
