"""Every other store against the plain-Python model; the file's own is test_duckdb_model.py."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test
from store_machine import StoreMachine

from langswarm_nb.interfaces import ISessionStorage
from langswarm_nb.storage import StorageFactory
from langswarm_nb.storage.sql.changes import ABANDONED

LONG = bool(os.environ.get("LANGSWARM_NB_SOAK"))


@pytest.fixture(params=["sqlite", "postgresql", "redis", "ducklake", "quack"])
def store(request) -> tuple[Callable[[Path], ISessionStorage], str | None]:
    """How the store of a folder is opened, and what its abandoned replies say."""
    if request.param == "sqlite":
        return lambda folder: StorageFactory.create("sqlite", {"db_path": str(folder / "s.db")}), ABANDONED
    if request.param == "postgresql":
        url = request.getfixturevalue("postgresql_url")
        # Encrypted, it keeps null bytes too.
        options = {"encryption_key": "secret"}
        return lambda folder: StorageFactory.create(url, {"schema": folder.name.lower(), **options}), ABANDONED
    if request.param == "redis":
        url = request.getfixturevalue("valkey_url")
        return lambda folder: StorageFactory.create(url, {"key_prefix": f"{folder.name}:"}), ABANDONED
    if request.param == "ducklake":
        server = request.getfixturevalue("lake_server")
        return lambda folder: server.open(folder.name.lower()), None
    server, emptied = request.getfixturevalue("quack_server"), set()

    def open_emptied(folder: Path) -> ISessionStorage:
        if folder not in emptied:
            emptied.add(folder)
            server.empty()
        return server.open()

    return open_emptied, None


@pytest.mark.soak
def test_any_sequence_of_calls(store):
    opened, abandoned_as = store

    class Store(StoreMachine):
        abandoned = abandoned_as

        def open_store(self, folder):
            return opened(folder)

    run_state_machine_as_test(
        Store,
        settings=settings(
            max_examples=30 if LONG else 5,
            stateful_step_count=30 if LONG else 15,
            deadline=None,
            database=None,
            suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
        ),
    )
