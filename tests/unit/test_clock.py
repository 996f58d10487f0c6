from __future__ import annotations

import uuid
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

from langswarm_nb.clock import as_utc, new_id, now


def test_ids_are_version_7_and_grow():
    ids = [new_id() for _ in range(20_000)]
    assert ids == sorted(set(ids))
    parsed = uuid.UUID(ids[0])
    assert parsed.version == 7
    assert parsed.variant == uuid.RFC_4122
    assert abs((parsed.int >> 80) / 1000 - now().timestamp()) < 60


def test_ids_of_many_threads_differ():
    with ThreadPoolExecutor(8) as pool:
        ids = [made for batch in pool.map(lambda _: [new_id() for _ in range(2_000)], range(8)) for made in batch]
    assert len(set(ids)) == len(ids)


def test_a_naive_time_is_local_time():
    local = datetime(2026, 1, 2, 3, 4, 5)
    assert as_utc(local) == local.astimezone(UTC)
    assert as_utc(local).tzinfo is UTC
