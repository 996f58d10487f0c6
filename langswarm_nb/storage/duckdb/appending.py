"""Many rows at once, as Arrow tables: for importers and demo data."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar

import duckdb

from ..schema import IDS
from .ledger import Ledger
from .write import Write

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pyarrow as pa

_INCOMING = "langswarm_nb_incoming_"
# An insert needs its own rows several times.
_MEMORY_MB, _TIMES = 128, 4
# A price list that has changed since is no reason to write a message anew.
_NOT_COMPARED = frozenset({"message_id", "session_id", "cost_usd", "cost_source"})


@dataclass
class Appended:
    """What was new: rows by table, messages that took the place of what was known of them, sessions with either."""

    added: dict[str, int] = field(default_factory=dict)
    replaced: int = 0
    new_sessions: set[str] = field(default_factory=set)
    changed_sessions: set[str] = field(default_factory=set)


@dataclass(eq=False)
class Append(Write):
    """Adds those rows of `tables` that the store lacks, known by their ids.

    With `replacing`, a message that is there with other values is written anew, if it came from the same source and
    its session has nothing that the incoming rows lack. In a session that went on here, what is new becomes a branch.
    A `trial` undoes it all: its outcome tells what would be.
    """

    tables: Mapping[str, pa.Table]
    replacing: bool = False
    trial: bool = False
    outcome: Appended = field(default_factory=Appended)
    alone: ClassVar[bool] = True

    def apply(self, ledger: Ledger) -> None:
        if not ledger.is_shared:
            # An import would grow with its file. It stays so for the commit, until something else is done.
            incoming = sum(rows.nbytes for rows in self.tables.values())
            ledger.memory.lower(ledger.connection, _MEMORY_MB + _TIMES * incoming // 2**20)
        try:
            self._load(ledger)
        except duckdb.OutOfMemoryException:
            # What it was held to was too little: readers may have held some of it.
            ledger.rollback()
            ledger.memory.lift(ledger.connection)
            self._load(ledger)
        if self.trial:
            ledger.rollback()
        # Numbers and ids that were looked up before are no longer those of the store.
        ledger.forget()

    def _load(self, ledger: Ledger) -> None:
        self.outcome = Appended()
        ledger.begin()
        with self._registered(ledger):
            if self.replacing:
                self._replace(ledger)
            for name, rows in self.tables.items():
                self._add(ledger, name, rows)

    @contextmanager
    def _registered(self, ledger: Ledger) -> Iterator[None]:
        for name, rows in self.tables.items():
            ledger.connection.register(_INCOMING + name, rows)
        try:
            yield
        finally:
            for name in self.tables:
                with suppress(duckdb.Error):  # DuckDB 2 does nothing more in a transaction that has failed
                    ledger.connection.unregister(_INCOMING + name)

    def _add(self, ledger: Ledger, name: str, rows: pa.Table) -> None:
        key, incoming = IDS[name], _INCOMING + name
        columns = ", ".join(f'"{column}"' for column in rows.column_names)
        known = f"SELECT {key} FROM {name} WHERE {key} IN (SELECT {key} FROM {incoming})"
        fresh = f"FROM {incoming} WHERE {key} NOT IN ({known})"
        if name == "sessions":
            self.outcome.new_sessions = _column(ledger, f"SELECT session_id {fresh}")
        elif name == "messages":
            self.outcome.changed_sessions |= _column(ledger, f"SELECT DISTINCT session_id {fresh}")
        count = ledger.connection.execute(f"INSERT INTO {name} ({columns}) SELECT {columns} {fresh}").fetchall()
        self.outcome.added[name] = count[0][0]

    def _replace(self, ledger: Ledger) -> None:
        incoming = _INCOMING + "messages"
        # Only sessions that are here already can have anything to replace.
        ours = f"SELECT * FROM messages WHERE session_id IN (SELECT session_id FROM {_INCOMING}sessions)"
        if not _column(ledger, f"SELECT session_id FROM ({ours}) LIMIT 1"):
            return
        ledger.connection.execute(f"CREATE OR REPLACE TEMP TABLE langswarm_nb_here AS {ours}")
        elsewhere = f"SELECT message_id FROM {incoming}"
        ledger.connection.execute(
            "CREATE OR REPLACE TEMP TABLE langswarm_nb_ahead AS SELECT session_id, "
            f"bool_or(h.source IS DISTINCT FROM s.source) AS went_on FROM langswarm_nb_here h "
            f"JOIN {_INCOMING}sessions s USING (session_id) WHERE h.message_id NOT IN ({elsewhere}) GROUP BY session_id"
        )
        compared = [name for name in self.tables["messages"].column_names if name not in _NOT_COMPARED]
        differs = " OR ".join(f'h."{name}" IS DISTINCT FROM i."{name}"' for name in compared)
        ledger.connection.execute(
            "CREATE OR REPLACE TEMP TABLE langswarm_nb_other AS SELECT message_id, h.session_id "
            f"FROM langswarm_nb_here h JOIN {incoming} i USING (message_id) "
            "WHERE h.source = i.source AND h.session_id = i.session_id "
            f"AND h.session_id NOT IN (SELECT session_id FROM langswarm_nb_ahead) AND ({differs})"
        )
        self.outcome.changed_sessions = _column(ledger, "SELECT DISTINCT session_id FROM langswarm_nb_other")
        gone = "DELETE FROM messages WHERE message_id IN (SELECT message_id FROM langswarm_nb_other)"
        self.outcome.replaced = ledger.connection.execute(gone).fetchall()[0][0]
        branches = _column(ledger, "SELECT session_id FROM langswarm_nb_ahead WHERE went_on")
        if branches:
            self._as_branches(ledger, branches)

    def _as_branches(self, ledger: Ledger, sessions: set[str]) -> None:
        """Make the incoming messages of `sessions` inactive: somebody went on with another branch here."""
        import pyarrow as pa

        rows = self.tables["messages"]
        pairs = zip(rows["session_id"].to_pylist(), rows["is_active_branch"].to_pylist(), strict=True)
        active = pa.array([is_active and session_id not in sessions for session_id, is_active in pairs], pa.bool_())
        place = rows.column_names.index("is_active_branch")
        ledger.connection.unregister(_INCOMING + "messages")
        ledger.connection.register(_INCOMING + "messages", rows.set_column(place, "is_active_branch", active))


def _column(ledger: Ledger, sql: str) -> set[str]:
    return {value for (value,) in ledger.connection.execute(sql).fetchall()}
