"""Two users, one of whom tries everything to reach what is the other's. Not a test."""

from __future__ import annotations

import langswarm_nb as ls

SECRET = "the eagle lands at noon"


async def two_users(storage="memory", *, with_context=True):
    """Return a manager, a session of alice's with a secret, and one of bob's."""
    manager = ls.create_session_manager(storage=storage, providers={"mock": None})
    config = {"name": "alice's plan", "tags": ["plan"]}
    hers = await manager.create_session("alice", "mock", "mock-model", session_config=config)
    await hers.send_message(SECRET)
    if with_context:
        await hers.update_context({"place": SECRET})
    his = await manager.create_session("bob", "mock", "mock-model")
    await his.send_message("nothing special")
    return manager, hers, his


# How a stranger tries every method of the view: a call that must be refused, or whose answer must not tell anything.
TRIES = {
    "create_session": lambda view, s: view.create_session("alice", "mock", "mock-model"),
    "create_sessions": lambda view, s: view.create_sessions([{"user_id": "alice", "provider": "mock", "model": "m"}]),
    "create_collaborative_session": lambda view, s: view.create_collaborative_session("x", "alice", "mock", "m"),
    "get_session": lambda view, s: view.get_session(s),
    "get_user_sessions": lambda view, s: view.get_user_sessions("alice"),
    "search_sessions": lambda view, s: view.search_sessions("alice"),
    "add_messages": lambda view, s: view.add_messages(s, [{"role": "user", "content": "mine now"}]),
    "archive_session": lambda view, s: view.archive_session(s),
    "archive_sessions": lambda view, s: view.archive_sessions([s]),
    "delete_session": lambda view, s: view.delete_session(s),
    "delete_user": lambda view, s: view.delete_user("alice"),
    "add_participant": lambda view, s: view.add_participant(s, "bob", ["admin"]),
    "remove_participant": lambda view, s: view.remove_participant(s, "alice"),
    "get_session_participants": lambda view, s: view.get_session_participants(s),
    "get_permissions": lambda view, s: view.get_permissions(s),
    "send_message_as_participant": lambda view, s: view.send_message_as_participant(s, "bob", "hello"),
    "get_notifications": lambda view, s: view.get_notifications("alice"),
    "get_analytics": lambda view, s: view.get_analytics(user_id="alice"),
    "export_sessions": lambda view, s: view.export_sessions("alice"),
}
# Those that take no name of anybody: their answers are looked at below, or they answer nothing.
NAMELESS = {"providers", "close", "session_events"}
