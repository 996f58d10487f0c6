"""Counters, gauges and histograms with labels, and their text in Prometheus' exposition format 0.0.4."""

from __future__ import annotations

import threading
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

Labels = tuple[tuple[str, str], ...]

# Bucket bounds that OpenTelemetry's GenAI conventions advise, in seconds and in tokens.
SECONDS = (0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92)
TOKENS = (1, 4, 16, 64, 256, 1024, 4096, 16384, 65536, 262144, 1048576, 4194304, 16777216, 67108864)


class Counter:
    """A number that only grows, one for each set of labels."""

    kind = "counter"

    def __init__(self, name: str, description: str) -> None:
        self.name = name
        self.description = description
        self._values: dict[Labels, float] = {}
        self._guard = threading.Lock()

    def add(self, amount: float = 1, **labels: str | None) -> None:
        """Add `amount` under `labels`; labels that are None are left out."""
        key = _key(labels)
        with self._guard:
            self._values[key] = self._values.get(key, 0) + amount

    def total(self, **labels: str) -> float:
        """Return the sum over every set of labels that has these."""
        wanted = set(_key(labels))
        with self._guard:
            return sum(value for key, value in self._values.items() if wanted <= set(key))

    def by(self, label: str) -> dict[str, float]:
        """Return the sums by the values of one label."""
        with self._guard:
            items = list(self._values.items())
        sums: dict[str, float] = {}
        for key, value in items:
            name = dict(key).get(label, "")
            sums[name] = sums.get(name, 0) + value
        return sums

    def samples(self) -> Iterator[tuple[str, Labels, float]]:
        """Yield (name, labels, value) as Prometheus wants them."""
        with self._guard:
            items = sorted(self._values.items())
        yield from ((self.name, key, value) for key, value in items)


class Gauge(Counter):
    """A number that goes both ways."""

    kind = "gauge"


class Histogram:
    """How values spread over buckets, for each set of labels."""

    kind = "histogram"

    def __init__(self, name: str, description: str, bounds: Sequence[float]) -> None:
        self.name = name
        self.description = description
        self._bounds = tuple(bounds)
        self._series: dict[Labels, list[float]] = {}
        self._sums: dict[Labels, float] = {}
        self._guard = threading.Lock()

    def observe(self, value: float, **labels: str | None) -> None:
        """Take in one value under `labels`; labels that are None are left out."""
        key = _key(labels)
        with self._guard:
            counts = self._series.setdefault(key, [0] * (len(self._bounds) + 1))
            counts[bisect_left(self._bounds, value)] += 1
            self._sums[key] = self._sums.get(key, 0.0) + value

    @property
    def count(self) -> int:
        """How many values came."""
        with self._guard:
            return int(sum(sum(counts) for counts in self._series.values()))

    @property
    def mean(self) -> float | None:
        """Their mean, or None where there are none."""
        count = self.count
        return sum(self._sums.values()) / count if count else None

    def samples(self) -> Iterator[tuple[str, Labels, float]]:
        """Yield cumulative buckets, sum and count as Prometheus wants them."""
        with self._guard:
            series = sorted((key, list(counts), self._sums[key]) for key, counts in self._series.items())
        for key, counts, total in series:
            below = 0.0
            for bound, count in zip((*self._bounds, float("inf")), counts, strict=True):
                below += count
                yield f"{self.name}_bucket", (*key, ("le", _number(bound))), below
            yield f"{self.name}_sum", key, total
            yield f"{self.name}_count", key, below


def prometheus_text(instruments: Iterable[Counter | Histogram]) -> str:
    """Return the instruments as a page that Prometheus scrapes (content type `text/plain; version=0.0.4`)."""
    lines: list[str] = []
    for instrument in instruments:
        lines += [
            f"# HELP {instrument.name} {_escaped(instrument.description)}",
            f"# TYPE {instrument.name} {instrument.kind}",
        ]
        for name, labels, value in instrument.samples():
            shown = ",".join(f'{label}="{_escaped(text, quote=True)}"' for label, text in labels)
            lines.append(f"{name}{{{shown}}} {_number(value)}" if shown else f"{name} {_number(value)}")
    return "\n".join(lines) + "\n"


def _key(labels: Mapping[str, Any]) -> Labels:
    return tuple(sorted((name, str(value)) for name, value in labels.items() if value is not None))


def _number(value: float) -> str:
    if value == float("inf"):
        return "+Inf"
    return str(int(value)) if value == int(value) else repr(float(value))


def _escaped(text: str, *, quote: bool = False) -> str:
    text = text.replace("\\", "\\\\").replace("\n", "\\n")
    return text.replace('"', '\\"') if quote else text
