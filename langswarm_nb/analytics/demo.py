"""A believable store that nobody wrote: for notebooks, Binder, tests and benchmarks.

The same `messages` and `seed` give the same rows on every machine. Every session and message says `source = 'demo'`.
"""

from __future__ import annotations

import os
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from .demo_texts import conversation_pool
from .source import ArrowSource

if TYPE_CHECKING:
    import pyarrow as pa

END = datetime(2026, 11, 1, tzinfo=UTC)
DAYS = 270
_DAY = 86_400.0
# What stands in the column `source` of every made-up session and message.
SYNTHETIC = "demo"


class _Model(NamedTuple):
    provider: str
    name: str
    share: float  # of the sessions before, and
    share_later: float  # after the second third of the time
    speed: float  # tokens a second
    wait_s: float  # median time to the first chunk
    price_in: float | None  # dollars a million tokens, made up; None: nobody knows
    price_out: float | None
    reasons: bool


_MODELS = (
    _Model("openai", "gpt-5-mini", 0.40, 0.22, 110, 0.55, 0.25, 2.0, True),
    _Model("openai", "gpt-5", 0.14, 0.08, 60, 1.40, 1.25, 10.0, True),
    _Model("anthropic", "claude-sonnet-4-5", 0.26, 0.10, 70, 0.90, 3.0, 15.0, False),
    _Model("anthropic", "claude-sonnet-5", 0.0, 0.32, 85, 0.75, 3.0, 15.0, False),
    _Model("anthropic", "claude-haiku-4-5", 0.08, 0.16, 150, 0.40, 1.0, 5.0, False),
    _Model("ollama", "llama3.3:70b", 0.12, 0.12, 22, 1.10, None, None, False),
)
_HOURS = np.array([2, 1, 1, 1, 1, 2, 5, 12, 30, 48, 55, 50, 34, 42, 52, 54, 48, 34, 22, 18, 20, 17, 10, 5], float)
_WEEKDAYS = np.array([1.0, 1.0, 0.95, 0.9, 0.75, 0.25, 0.3])


def demo_tables(messages: int = 20_000, seed: int = 0) -> dict[str, pa.Table]:
    """Return Arrow tables named sessions, messages and events, with the columns of `storage.schema`.

    Exactly `messages` messages in about an eighth as many sessions, over the nine months before November 2026.
    """
    rng = np.random.default_rng(seed)
    # Tool results and discarded replies add some 3 % to two messages a turn; the spare is cut off at the end.
    talks = _sessions(rng, max(8, messages // 2 - messages // 120))
    rows = _turns(rng, talks)
    rows = {name: column[:messages] for name, column in rows.items()}
    return _as_arrow(talks, rows, rng)


def demo_store(path: str | os.PathLike[str] | None = None, messages: int = 20_000, seed: int = 0) -> Any:
    """Return a source with the demo conversations: a new store at `path`, or one in memory.

    Give it to `ls.messages()`, `ls.dashboard()` or any metric. A store that is there already gets the conversations
    once, however often it is asked.
    """
    tables = demo_tables(messages, seed)
    if path is None:
        return ArrowSource(tables)
    from .. import runtime

    storage: Any = runtime.default_manager(os.fspath(path)).storage
    storage.append_tables(tables)
    return storage


def _sessions(rng: np.random.Generator, turns: int) -> dict[str, np.ndarray]:
    """Return one entry a session: who, when, which model, what about, and how many turns."""
    lengths = rng.geometric(0.26, turns)
    count = int(np.searchsorted(np.cumsum(lengths), turns)) + 1
    lengths = lengths[:count]
    people = 24 + int(4 * np.sqrt(count) ** 0.9)
    joined = np.sort(rng.beta(1.0, 1.4, people)) * DAYS * 0.95
    joined[:5] = 0.0
    weight = 1 / (np.arange(people) % 17 + 1.5)
    user = rng.choice(people, count, p=weight / weight.sum())
    loyalty = rng.choice([6.0, 40.0, 260.0], people, p=[0.35, 0.3, 0.35])
    day = np.floor((joined[user] + rng.exponential(loyalty[user])) % DAYS)
    day = np.maximum(day, np.floor(joined[user]))
    first_weekday = datetime.fromtimestamp(END.timestamp() - DAYS * _DAY, UTC).weekday()
    idle = rng.random(count) > _WEEKDAYS[((day + first_weekday) % 7).astype(int)]
    until_monday = (7 - (day + first_weekday) % 7) % 7
    day = np.where(idle, np.minimum(day + until_monday + rng.integers(0, 5, count), DAYS - 1), day)
    start = day * _DAY + rng.choice(24, count, p=_HOURS / _HOURS.sum()) * 3600 + rng.random(count) * 3600
    order = np.argsort(start, kind="stable")
    user, start = user[order], start[order]
    late = start > DAYS * _DAY * 2 / 3
    early_share, late_share = (np.array([getattr(m, name) for m in _MODELS]) for name in ("share", "share_later"))
    model = np.where(
        late,
        rng.choice(len(_MODELS), count, p=late_share / late_share.sum()),
        rng.choice(len(_MODELS), count, p=early_share / early_share.sum()),
    )
    topic = rng.integers(0, len(conversation_pool()[0]), count)
    return {"user": user, "start": start, "model": model, "topic": topic, "turns": lengths}


def _turns(rng: np.random.Generator, talks: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Return one entry a message, in the order of session and turn; NaN is unknown, `kind` is an index of roles."""
    session = np.repeat(np.arange(len(talks["start"])), talks["turns"])
    count = len(session)
    first = np.r_[True, session[1:] != session[:-1]]
    turn = np.arange(count) - np.maximum.accumulate(np.where(first, np.arange(count), 0)) + 1
    model = talks["model"][session]
    pick = {name: np.array([getattr(m, name) or np.nan for m in _MODELS]) for name in _Model._fields[4:8]}
    asked = rng.lognormal(3.3, 0.7, count).astype(int) + 3
    answered = rng.lognormal(5.5, 0.75, count).astype(int) + 5
    thought = np.where(np.array([m.reasons for m in _MODELS])[model], rng.lognormal(5.0, 0.9, count).astype(int), 0)
    context = np.cumsum(asked + answered)
    context -= np.maximum.accumulate(np.where(first, np.r_[0, context[:-1]], 0))
    inputs = context - answered + 40
    cached = np.where((turn > 1) & (rng.random(count) < 0.6), (inputs * 0.8).astype(int), 0)
    bad_days = (talks["start"][session] > (DAYS - 24) * _DAY) & (talks["start"][session] < (DAYS - 19) * _DAY)
    bad = bad_days & (model == 3)
    wait = pick["wait_s"][model] * rng.lognormal(0, 0.35, count) * np.where(bad, 3.5, 1.0)
    duration = wait + (answered + thought) / (pick["speed"][model] * rng.lognormal(0, 0.15, count))
    gap = rng.lognormal(4.3, 1.1, count) + np.r_[0.0, duration[:-1]]
    elapsed = np.cumsum(np.where(first, 0.0, gap))
    at = talks["start"][session] + elapsed - np.maximum.accumulate(np.where(first, elapsed, 0.0))
    luck = rng.random(count)
    failed = luck < np.where(bad, 0.22, 0.012)
    stopped = ~failed & (luck > 0.988)
    cut = np.where(stopped, 0.4, 1.0)
    cost = (inputs - 0.9 * cached) * pick["price_in"][model] + (answered + thought) * cut * pick["price_out"][model]
    reply = {
        "kind": np.full(count, 2),
        "created": at + 0.05,
        "input_tokens": np.where(failed, np.nan, inputs),
        "output_tokens": np.where(failed, np.nan, np.floor((answered + thought) * cut)),
        "cached": np.where(failed | (pick["price_in"][model] != pick["price_in"][model]), np.nan, cached),
        "thought": np.where(failed | (thought == 0), np.nan, np.floor(thought * cut)),
        "cost": np.where(failed, np.nan, cost / 1e6),
        "duration": np.where(failed, wait, duration * cut),
        "wait": np.where(failed, np.nan, wait),
        "state": np.where(failed, 1, np.where(stopped, 2, 0)),
        "text": rng.integers(0, 1 << 30, count),
        "active": np.ones(count, bool),
    }
    nothing = {name: np.full(count, np.nan) for name in reply}
    question = nothing | {
        "kind": np.zeros(count, int),
        "created": at,
        "state": np.zeros(count, int),
        "text": rng.integers(0, 1 << 30, count),
        "active": np.ones(count, bool),
    }
    tool = question | {"kind": np.ones(count, int), "created": at + 0.02}
    discarded = reply | {"active": np.zeros(count, bool), "text": reply["text"] + 1, "created": at + 0.03}
    blocks = [
        (question, np.ones(count, bool)),
        (tool, rng.random(count) < 0.03),
        (discarded, rng.random(count) < 0.03),
        (reply, np.ones(count, bool)),
    ]
    place = np.concatenate([np.flatnonzero(mask) * 4 + number for number, (_, mask) in enumerate(blocks)])
    order = np.argsort(place)
    rows = {name: np.concatenate([block[name][mask] for block, mask in blocks])[order] for name in reply}
    where = place[order] // 4
    return rows | {"session": session[where], "turn": turn[where], "seq": _count_within(session[where])}


def _count_within(groups: np.ndarray) -> np.ndarray:
    """Return 0, 1, 2, ... within each run of equal `groups`."""
    index = np.arange(len(groups))
    starts = np.r_[True, groups[1:] != groups[:-1]]
    return index - np.maximum.accumulate(np.where(starts, index, 0))


def _ids(seconds: np.ndarray, salt: int) -> list[str]:
    """Return UUIDv7 texts in which a running number stands for the random part: increasing when `seconds` are."""
    millis = ((seconds + END.timestamp() - DAYS * _DAY) * 1000).astype(np.int64)
    return [
        f"{ms >> 16:08x}-{ms & 0xFFFF:04x}-7{number >> 12 & 0xFFF:03x}-8{number & 0xFFF:03x}-{salt:012x}"
        for number, ms in enumerate(millis.tolist())
    ]


def _as_arrow(talks: dict[str, np.ndarray], rows: dict[str, np.ndarray], rng: np.random.Generator) -> dict[str, Any]:
    import pyarrow as pa
    import pyarrow.compute as pc

    def times(seconds: np.ndarray) -> pa.Array:
        micros = (np.round(seconds * 1e6) + (END.timestamp() - DAYS * _DAY) * 1e6).astype(np.int64)
        return pa.array(micros).cast(pa.timestamp("us", tz="UTC"))

    def named(names: list[Any], index: np.ndarray, where: np.ndarray | None = None) -> pa.Array:
        mask = None if where is None else ~where
        return pc.take(pa.array(names), pa.array(index.astype(np.int64), mask=mask))

    def whole(values: np.ndarray) -> pa.Array:
        unknown = np.isnan(values)
        return pa.array(np.where(unknown, 0, values).astype(np.int64), mask=unknown)

    def real(values: np.ndarray) -> pa.Array:
        return pa.array(values, mask=np.isnan(values))

    kind, state, session = (rows[name].astype(np.int64) for name in ("kind", "state", "session"))
    used = int(session.max()) + 1 if len(session) else 0
    talks = {name: column[:used] for name, column in talks.items()}
    users = [f"user-{number + 1:03d}" for number in range(int(talks["user"].max(initial=0)) + 1)]
    providers, models = [m.provider for m in _MODELS], [m.name for m in _MODELS]
    prompts, replies = conversation_pool()
    titles = [texts[0].removesuffix("?").removesuffix(".") for texts in prompts]
    start = times(talks["start"])
    session_ids = pa.array(_ids(talks["start"], 0xDE0), pa.string())
    age = DAYS * _DAY - talks["start"]
    sessions = pa.table(
        {
            "session_id": session_ids,
            "user_id": named(users, talks["user"]),
            "provider": named(providers, talks["model"]),
            "model": named(models, talks["model"]),
            "status": named(["active", "archived"], (age > 60 * _DAY).astype(int)),
            "title": named(titles, talks["topic"]),
            "created_at": start,
            "updated_at": start,
            "source": pa.array([SYNTHETIC] * used, pa.string()),
        }
    )
    is_reply = kind == 2
    topic = talks["topic"][session]
    text = rows["text"].astype(np.int64)
    offsets = {group: np.r_[0, np.cumsum([len(texts) for texts in pool])] for group, pool in _pools().items()}
    said = np.where(
        is_reply,
        offsets["replies"][topic] + text % np.diff(offsets["replies"])[topic] + offsets["prompts"][-1],
        offsets["prompts"][topic] + text % np.diff(offsets["prompts"])[topic],
    )
    said = np.where(is_reply & (state == 1), -1, said) + 1
    sayings = ["", *(t for texts in prompts for t in texts), *(t for texts in replies for t in texts)]
    model = talks["model"][session]
    failed, cost = is_reply & (state == 1), rows["cost"]
    finish = np.select([state == 2, rows["output_tokens"] > 1500], [1, 2], 0)
    message_ids = _ids(rows["created"], 0xDE1)
    messages = pa.table(
        {
            "message_id": pa.array(message_ids, pa.string()),
            "session_id": pc.take(session_ids, pa.array(session)),
            "seq": pa.array(rows["seq"]),
            "turn": pa.array(rows["turn"]),
            "is_active_branch": pa.array(rows["active"].astype(bool)),
            "role": named(["user", "tool", "assistant"], kind),
            "content": named(sayings, said),
            "provider": named(providers, model, is_reply),
            "request_model": named(models, model, is_reply),
            "response_model": named(models, model, is_reply),
            "finish_reason": named(["stop", "cancelled", "length"], finish, is_reply & ~failed),
            "status": named(["complete", "error", "interrupted"], state),
            "error_type": named(["ProviderRateLimitError", "ProviderTimeoutError"], text % 2, failed),
            "tool_name": named(["web_search"], np.zeros(len(kind), int), kind == 1),
            "input_tokens": whole(rows["input_tokens"]),
            "output_tokens": whole(rows["output_tokens"]),
            "cache_read_input_tokens": whole(rows["cached"]),
            "reasoning_output_tokens": whole(rows["thought"]),
            "cost_usd": real(np.round(cost, 9)),
            "cost_source": named(["genai-prices", "unpriced"], np.isnan(cost).astype(int), is_reply),
            "created_at": times(rows["created"]),
            "completed_at": times(rows["created"] + np.where(is_reply, rows["duration"], 0.0)),
            "duration_s": real(rows["duration"]),
            "time_to_first_chunk_s": real(rows["wait"]),
            "source": pa.array([SYNTHETIC] * len(kind), pa.string()),
        }
    )
    rated = np.flatnonzero(is_reply & rows["active"].astype(bool) & (rng.random(len(kind)) < 0.05))
    verdict = np.where(rng.random(len(rated)) < np.where(model[rated] == 3, 0.9, 0.78), 0, 1)
    events = pa.table(
        {
            "event_id": pa.array([message_ids[row][:-12] + f"{0xDE2:012x}" for row in rated], pa.string()),
            "session_id": pc.take(session_ids, pa.array(session[rated])),
            "message_id": pc.take(pa.array(message_ids, pa.string()), pa.array(rated)),
            "kind": pa.array(["feedback"] * len(rated), pa.string()),
            "user_id": named(users, talks["user"][session[rated]]),
            "at": times(rows["created"][rated] + 60),
            "payload": named(['{"value": 1}', '{"value": -1}'], verdict),
        }
    )
    return {"sessions": sessions, "messages": messages, "events": events}


def _pools() -> dict[str, list[list[str]]]:
    prompts, replies = conversation_pool()
    return {"prompts": prompts, "replies": replies}
