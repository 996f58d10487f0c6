"""What a snapshot keeps of a store: `rows`, `kinds` and `people`, read with few statements and little memory.

Reading words for a million messages takes longer than anything that is asked of them. So the store is first asked which
words there are, and then for their numbers; messages with the same words are of one kind.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from .metrics.of_tables import BUCKET, TIMED_S
from .metrics.statement import MORE_COLUMNS, SHIFT, SLOT
from .source import Source

if TYPE_CHECKING:
    import pyarrow as pa

# Where each kind of word is found, in messages `x` and in their session `p`; the first that is known counts.
_WORDS = {
    "role": ("x.role",),
    "status": ("x.status",),
    "provider": ("x.provider", "p.provider"),
    "model": ("x.request_model", "x.response_model", "p.model"),
    "finish_reason": ("x.finish_reason",),
}
_MORE_WORDS = {
    name: (MORE_COLUMNS[name],) for name in ("error_type", "request_model", "response_model")
}  # not on the Overview
# Of these a metric has to name one before they are read.
LATER = MORE_COLUMNS.keys() - {"created_at", "finish_reason", "time_to_first_chunk_s"}
# Past this, looking a word up in a list takes longer than reading it; and eight columns of them fit in 64 bits.
_MOST_WORDS = 127
# Long, and only asked for to find what a message's feedback was.
_VOTED = "CASE WHEN x.message_id IN (SELECT message_id FROM events WHERE kind = 'feedback') THEN x.message_id END"


class Facts(NamedTuple):
    """One row a message, a code of what is timed, a kind in an hour, a model in a session, a set of words, a user.

    And, if whole, a session.
    """

    rows: pa.Table
    codes: pa.Table
    moments: pa.Table
    seats: pa.Table
    kinds: pa.Table
    persons: pa.Table
    people: pa.Table | None


def read_facts(source: Source, whole: bool) -> Facts:
    """Return what is in `source`; without `whole` only what the Overview asks for."""
    words = _WORDS | _MORE_WORDS if whole else _WORDS
    known = _words_of(source, words)
    answer = source.query(_statement(words, known, whole))
    rows, lists = _apart(answer)
    kind, kinds = _kinds(rows, words, known)
    numbers = rows.drop_columns([name for name in ("kind", *words) if name in rows.column_names])
    return Facts(*_with_codes(numbers, kind, kinds), kinds, lists["persons"], lists.get("people"))


def _words_of(source: Source, words: dict[str, tuple[str, ...]]) -> dict[str, list[str]]:
    """Return the words by column; none of a column that has too many, or one that SQL cannot spell."""
    tables = {"x": "messages", "p": "sessions"}
    lists: list[str] = []
    for name, places in words.items():
        found = " UNION ".join(
            f"SELECT DISTINCT {column} AS word FROM {tables[table]}"
            for table, _, column in (place.partition(".") for place in places)
        )
        lists.append(
            f"(SELECT list(word ORDER BY word) FROM (SELECT word FROM ({found}) WHERE word IS NOT NULL"
            f" LIMIT {_MOST_WORDS + 1})) AS {name}"
        )
    found = source.query(f"SELECT {', '.join(lists)}").to_pylist()[0]
    return {
        name: listed
        for name, listed in found.items()
        if listed and len(listed) <= _MOST_WORDS and not any("\0" in word for word in listed)
    }


def _statement(words: dict[str, tuple[str, ...]], known: dict[str, list[str]], whole: bool) -> str:
    # Spelled out, because DuckDB looks up words of a column in a constant list once a word, not once a row.
    spelled = {
        name: "[" + ", ".join(f"'{w.replace(chr(39), chr(39) * 2)}'" for w in known[name]) + "]" for name in known
    }

    def looked_up(name: str, place: str) -> str:
        return f"list_position({spelled[name]}, {place})" if name in known else place

    def of(name: str) -> str:
        # A session's words are looked up once a session.
        places = [place if place.startswith("p.") else looked_up(name, place) for place in words[name]]
        return f"coalesce({', '.join([*places, '0' if name in known else 'NULL'])})"

    kind = "0::BIGINT"
    for name in known:
        kind = f"({kind}) * {len(known[name]) + 1} + {of(name)}"
    unknown = "".join(f", {of(name)} AS {name}" for name in words if name not in known)
    numbers = sorted(LATER - _MORE_WORDS.keys()) if whole else []
    more = "".join(f", {(MORE_COLUMNS | {'message_id': _VOTED})[name]} AS {name}" for name in numbers)
    columns = 9 + len(words) - len(known) + len(numbers)
    return f"""
    WITH people AS MATERIALIZED (
        SELECT session_id, (row_number() OVER ())::INTEGER AS session_no, coalesce(person, 0)::INTEGER AS person,
               user_id, provider, model, title
        FROM sessions LEFT JOIN (
            SELECT user_id, row_number() OVER () AS person
            FROM (SELECT DISTINCT user_id FROM sessions WHERE user_id IS NOT NULL)
        ) USING (user_id)
    )
    SELECT *, CASE WHEN timed_s IS NOT NULL THEN {BUCKET.format("timed_s")} END AS bucket,
           NULL AS persons, NULL AS people
    FROM (SELECT p.session_no, coalesce(p.person, 0)::INTEGER AS person, x.created_at, {TIMED_S} AS timed_s,
                 x.time_to_first_chunk_s, x.cost_usd, x.output_tokens, ({kind})::BIGINT AS kind{unknown}{more}
          FROM messages x
          LEFT JOIN (SELECT session_id, session_no, person, {looked_up("provider", "provider")} AS provider,
                            {looked_up("model", "model")} AS model FROM people) p USING (session_id))
    UNION ALL
    -- With the same statement, so that all count sessions alike.
    SELECT {"NULL, " * columns}
           (SELECT list(u) FROM (SELECT person, any_value(user_id) AS user_id FROM people GROUP BY person) u),
           {"(SELECT list(p) FROM people p)" if whole else "NULL"}
    """


def _apart(answer: pa.Table) -> tuple[pa.Table, dict[str, pa.Table]]:
    """Return the messages, and what is a list in a row of its own, by name."""
    import pyarrow as pa
    import pyarrow.compute as pc

    # It is the only row without a kind.
    place = pc.index(answer.column("kind").is_null(), True).as_py()
    lists = {
        name: pa.Table.from_struct_array(
            pa.chunked_array([answer.column(name).slice(place, 1).combine_chunks().flatten()])
        )
        for name in ("persons", "people")
        if pa.types.is_list(answer.schema.field(name).type)
    }
    messages = answer.drop_columns(["persons", "people"])
    return pa.concat_tables([messages.slice(0, place), messages.slice(place + 1)]), lists


def _kinds(
    rows: pa.Table, words: dict[str, tuple[str, ...]], known: dict[str, list[str]]
) -> tuple[np.ndarray, pa.Table]:
    """Return each message's number of its kind, and the words of each kind."""
    import pyarrow as pa

    lists = {name: pa.array(known[name], pa.string()) for name in known}
    kind, used = _dense(rows.column("kind").to_numpy())
    parts: dict[str, np.ndarray] = {}
    for name in reversed(known):
        used, parts[name] = np.divmod(used, len(lists[name]) + 1)
    for name in words:
        if name not in known:
            encoded = rows.column(name).cast(pa.string()).combine_chunks().dictionary_encode()
            lists[name], size = encoded.dictionary, len(encoded.dictionary) + 1
            kind, used = _dense(kind * size + encoded.indices.fill_null(-1).to_numpy() + 1)
            parts = {other: part[used // size] for other, part in parts.items()} | {name: used % size}
    made, _ = _dense(parts["provider"] * (len(lists["model"]) + 1) + parts["model"])
    columns = {name: lists[name].take(pa.array(part - 1, mask=part == 0)) for name, part in parts.items()}
    return kind, pa.table(
        {"kind": pa.array(np.arange(len(made)), pa.int32()), "made": pa.array(made, pa.int32())} | columns
    )


def _dense(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the values' places among those that occur, in order, and those that occur."""
    if not len(values):
        return values, values
    most = int(values.max()) + 1
    if most > max(1_000_000, 4 * len(values)):
        used, places = np.unique(values, return_inverse=True)
        return places, used
    used = np.flatnonzero(np.bincount(values, minlength=most))
    places = np.zeros(most, np.int64)
    places[used] = np.arange(len(used))
    return places[values], used


def _with_codes(rows: pa.Table, kind: np.ndarray, kinds: pa.Table) -> tuple[pa.Table, pa.Table, pa.Table, pa.Table]:
    """Return the rows as small numbers, codes of what quantiles are asked of, and what cells and seats stand for."""
    import pyarrow as pa

    is_reply = np.array([role == "assistant" for role in kinds.column("role").to_pylist()], bool)[kind]
    made = kinds.column("made").to_numpy()[kind]
    times = rows.column("created_at")
    hours = (times.cast(pa.int64()).fill_null(0).to_numpy() + SHIFT) // (4 * SLOT)
    timed, first, tokens = (
        rows.column(name).cast(pa.float64(), safe=False).to_numpy()
        for name in ("timed_s", "time_to_first_chunk_s", "output_tokens")
    )
    with np.errstate(all="ignore"):
        writing = timed - np.where(np.isnan(first), 0, first)
        speed = np.where(writing > 0, tokens / writing, np.nan)
    unknown = times.is_null().to_numpy() | (hours < 0) | (hours >= 1 << 31)  # infinity has no hour
    hours = np.where(unknown, 0, hours)
    cell, moments = _cells(hours, unknown, kind, kinds.num_rows)
    seat, seats = _seats(rows.column("session_no").fill_null(0).to_numpy(), made, is_reply)
    added: dict[str, pa.Array] = {
        "hour": pa.array(hours, pa.int32(), mask=unknown),
        "day": pa.array(hours // 24, pa.int32(), mask=unknown),
        "cell": pa.array(cell, pa.int32()),
        "seat": pa.array(seat, pa.int32(), mask=~is_reply),
        "kind": pa.array(kind, pa.int32()),
        "made": pa.array(made, pa.int32(), mask=~is_reply),
    }
    bucket = rows.column("bucket").fill_null(0).to_numpy().astype(np.int64)
    tables = []
    for measure, (name, values) in enumerate({"wait": timed, "first": first, "speed": speed}.items()):
        added[f"{name}_code"], table = _codes(measure, values, bucket if name == "wait" else 0 * bucket, made, is_reply)
        tables.append(table)
    rows = rows.drop_columns(["bucket"])
    for name, column in added.items():
        rows = rows.append_column(name, column)
    return rows, pa.concat_tables(tables), moments, seats


def _cells(hours: np.ndarray, unknown: np.ndarray, kind: np.ndarray, kinds: int) -> tuple[np.ndarray, pa.Table]:
    """Return one number for each hour and kind that occur together, and what it stands for."""
    import pyarrow as pa

    low = hours.min(initial=1 << 31, where=~unknown)
    place, used_hours = _dense(np.where(unknown, 0, hours - low + 1))
    cell, used = _dense(place * kinds + kind)
    after_low = used_hours[used // max(kinds, 1)]
    return cell, pa.table(
        {
            "cell": pa.array(np.arange(len(used)), pa.int32()),
            "hour": pa.array(after_low + low - 1, pa.int32(), mask=after_low == 0),
            "kind": pa.array(used % max(kinds, 1), pa.int32()),
        }
    )


def _seats(session_no: np.ndarray, made: np.ndarray, is_reply: np.ndarray) -> tuple[np.ndarray, pa.Table]:
    """Return one number for each session (0: unknown) and model that replied in it, and what it stands for."""
    import pyarrow as pa

    size = int(made.max(initial=0)) + 1
    seat, used = _dense(np.where(is_reply, (session_no.astype(np.int64) + 1) * size + made, 0))
    return seat, pa.table(
        {
            "seat": pa.array(np.arange(len(used)), pa.int32()),
            "made": pa.array(used % size, pa.int32()),
            "is_session": pa.array(used >= 2 * size, pa.bool_()),
        }
    )


def _codes(
    measure: int, values: np.ndarray, bucket: np.ndarray, made: np.ndarray, where: np.ndarray
) -> tuple[pa.Array, pa.Table]:
    """Return a code of each value, NULL for what is none, and what it stands for: a model, a `height`, a bucket.

    Heights are in the order of the values, 64 between a value and its double: the first bits of the number, which are
    its exponent and six of its mantissa. One that lies in two buckets is two.
    """
    import pyarrow as pa

    is_known = where & np.isfinite(values)
    height, _ = _dense(np.where(is_known & (values > 0), values.view(np.int64) >> 46, 0))
    low = bucket.min(initial=0)
    height, _ = _dense(height * (bucket.max(initial=0) - low + 1) + bucket - low)
    size = int(height.max(initial=0)) + 1
    code, used = _dense(made * size + height)
    of_code = np.zeros(len(used), np.int64)
    of_code[code] = bucket
    table = pa.table(
        {
            "measure": pa.array(np.full(len(used), measure), pa.int32()),
            "code": pa.array(np.arange(len(used)), pa.int32()),
            "made": pa.array(used // size, pa.int32()),
            "height": pa.array(used % size, pa.int32()),
            "bucket": pa.array(of_code, pa.int16()),
        }
    )
    return pa.array(code, pa.int32(), mask=~is_known), table
