"""A storage against a plain-Python model, through any sequence of calls and closings. Not a test."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, initialize, invariant, multiple, rule

from langswarm_nb.interfaces import ISessionStorage
from langswarm_nb.models import SessionConfig, SessionContext, SessionMessage

BEGIN = datetime(2026, 1, 1, tzinfo=UTC)
TEXTS = st.text(st.characters(exclude_categories=("Cs",)), max_size=20)
ROLES = st.sampled_from(["system", "user", "assistant", "tool"])


@dataclass
class ModelSession:
    title: str | None = None
    messages: dict[str, SessionMessage] = field(default_factory=dict)
    drafts: dict[str, SessionMessage] = field(default_factory=dict)

    def add(self, message: SessionMessage) -> None:
        if message.message_id not in self.messages:
            following = max((m.seq + 1 for m in self.messages.values() if m.seq is not None), default=0)
            self.messages[message.message_id] = replace(message, seq=following)
        self.drafts.pop(message.message_id, None)


class StoreMachine(RuleBasedStateMachine):
    """What a storage is asked, and what it has to answer; a class made of this one says how it is opened."""

    # What a reply says of itself whose process ended.
    abandoned: str | None = None

    sessions = Bundle("sessions")
    messages = Bundle("messages")

    def open_store(self, folder: Path) -> ISessionStorage:
        """Return the storage; called again, of the same store. Each folder is another store's."""
        raise NotImplementedError

    @initialize()
    def open(self):
        self.folder = Path(tempfile.mkdtemp())
        self.loop = asyncio.new_event_loop()
        self.storage = self.open_store(self.folder)
        self.model: dict[str, ModelSession] = {}
        self.count = 0

    def teardown(self):
        if hasattr(self, "loop"):
            self.run(self.storage.close())
            self.loop.run_until_complete(self.loop.shutdown_default_executor())
            self.loop.close()
            shutil.rmtree(self.folder)

    def run(self, coroutine):
        return self.loop.run_until_complete(coroutine)

    def new_message(self, session_id, role, content) -> SessionMessage:
        self.count += 1
        # Ids of importers are in no order of time.
        message_id = f"{(self.count * 7919) % 10_000:04d}-{self.count}"
        return SessionMessage(message_id, session_id, role, content, BEGIN + timedelta(minutes=self.count))

    @rule(target=sessions, title=st.none() | TEXTS)
    def create_session(self, title):
        session_id = f"s{len(self.model)}-{self.count}"
        self.count += 1
        self.run(
            self.storage.create_session(
                session_id, "ada", "mock", "m", SessionConfig(name=title), SessionContext(session_id)
            )
        )
        self.model[session_id] = ModelSession(title)
        return session_id

    @rule(target=messages, session_id=sessions, written=st.lists(st.tuples(ROLES, TEXTS), min_size=1, max_size=8))
    def add_messages_at_once(self, session_id, written):
        if session_id not in self.model:
            return multiple()
        sent = [self.new_message(session_id, role, content) for role, content in written]

        async def all_of_them():
            await asyncio.gather(*(self.storage.add_message(session_id, message) for message in sent))

        self.run(all_of_them())
        for message in sent:
            self.model[session_id].add(message)
        return multiple(*sent)

    @rule(session_id=sessions, count=st.integers(0, 400))
    def add_in_bulk(self, session_id, count):
        if session_id in self.model:
            sent = [self.new_message(session_id, "user", str(number)) for number in range(count)]
            self.run(self.storage.add_messages(session_id, sent))
            for message in sent:
                self.model[session_id].add(message)

    @rule(message=messages)
    def add_again(self, message):
        if message.session_id in self.model:
            self.run(self.storage.add_message(message.session_id, replace(message, content="changed")))
            if message.message_id not in self.model[message.session_id].messages:
                self.model[message.session_id].add(replace(message, content="changed"))

    @rule(target=messages, session_id=sessions, content=TEXTS)
    def checkpoint(self, session_id, content):
        if session_id not in self.model:
            return multiple()
        draft = self.new_message(session_id, "assistant", content)
        self.run(self.storage.checkpoint(draft))
        self.model[session_id].drafts[draft.message_id] = draft
        return draft

    @rule(session_id=sessions, title=TEXTS)
    def rename(self, session_id, title):
        if session_id in self.model:
            self.run(self.storage.update_session(session_id, {"title": title}))
            self.model[session_id].title = title

    @rule(session_id=sessions, pick=st.integers(0, 3))
    def choose_branch(self, session_id, pick):
        if session_id in self.model:
            found = self.model[session_id].messages
            active = [message_id for place, message_id in enumerate(found) if place % 4 == pick]
            self.run(self.storage.set_active_branch(session_id, active))
            for message_id, message in found.items():
                found[message_id] = replace(message, is_active_branch=message_id in active)

    @rule(session_id=sessions)
    def clear(self, session_id):
        if session_id in self.model:
            self.run(self.storage.clear_messages(session_id))
            self.model[session_id].messages.clear()
            self.model[session_id].drafts.clear()

    @rule(session_id=sessions)
    def delete(self, session_id):
        self.run(self.storage.delete_session(session_id))
        self.model.pop(session_id, None)

    @rule()
    def close_and_open(self):
        """Whoever closes leaves drafts that nobody goes on with: they become interrupted messages."""
        self.run(self.storage.close())
        self.storage = self.open_store(self.folder)
        for session in self.model.values():
            for draft in list(session.drafts.values()):
                session.add(replace(draft, status="interrupted", error_type=self.abandoned))

    @rule()
    def optimize(self):
        self.run(self.storage.optimize_database())

    @invariant()
    def the_store_is_as_the_model(self):
        if not hasattr(self, "loop"):
            return
        found = {record["session_id"]: record for record in self.run(self.storage.list_sessions())}
        assert found.keys() == self.model.keys()
        for session_id, session in self.model.items():
            expected = sorted(session.messages.values(), key=lambda m: (m.seq, m.message_id))
            stored = self.run(self.storage.get_all_messages(session_id))
            assert [vars(message) for message in stored] == [vars(message) for message in expected]
            active = self.run(self.storage.get_messages(session_id, limit=3))
            assert [m.message_id for m in active] == [m.message_id for m in expected if m.is_active_branch][-3:]
            assert found[session_id]["title"] == session.title
            assert found[session_id]["message_count"] == sum(m.is_active_branch for m in expected)
