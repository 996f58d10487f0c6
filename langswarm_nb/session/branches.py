"""The tree of a conversation: editing and regenerating add branches, and one path through them is active."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from ..models import SessionMessage

# Names in a row's metadata what a reply was for that is no part of the conversation: it has no place in the tree.
PURPOSE = "purpose"


def in_conversation(messages: Sequence[SessionMessage]) -> list[SessionMessage]:
    """Return the messages that stand on some branch, without what was only paid for beside them."""
    return [message for message in messages if message.is_active_branch or PURPOSE not in message.metadata]


def children(messages: Sequence[SessionMessage]) -> dict[str | None, list[SessionMessage]]:
    """Return what follows each message, oldest first; under None, what follows none of `messages`."""
    known = {message.message_id for message in messages}
    families: dict[str | None, list[SessionMessage]] = defaultdict(list)
    for message in in_conversation(messages):
        families[message.parent_id if message.parent_id in known else None].append(message)
    return families


def siblings(messages: Sequence[SessionMessage], message_id: str) -> list[SessionMessage]:
    """Return the alternatives at the place of `message_id`, itself among them, oldest first."""
    for family in children(messages).values():
        if any(message.message_id == message_id for message in family):
            return family
    return []


def path_to(messages: Sequence[SessionMessage], message_id: str | None) -> list[str]:
    """Return the ids from the first message down to `message_id`."""
    by_id = {message.message_id: message for message in messages}
    path: list[str] = []
    while message_id is not None and message_id in by_id:
        path.append(message_id)
        message_id = by_id[message_id].parent_id
    return path[::-1]


def path_through(messages: Sequence[SessionMessage], message_id: str) -> list[str]:
    """Return the ids from the first message over `message_id` and on to the newest end behind it."""
    families = children(messages)
    path = path_to(messages, message_id)
    while family := families.get(path[-1]):
        path.append(family[-1].message_id)
    return path
