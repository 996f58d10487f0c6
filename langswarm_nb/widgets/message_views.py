"""A stored message, as a page shows it."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Literal

from ..models import SessionMessage
from ..rendering import id_prefix, render_markdown
from ..session.branches import in_conversation
from . import formats
from .protocol import Branch, ErrorCard, MessageView, Numbers
from .transfers import attachments_of

_NAMES = {"user": "you", "system": "instruction", "tool": "tool"}


class MessageViews:
    """Makes views and remembers the rendered HTML, which a message never changes."""

    def __init__(self) -> None:
        self._rendered: dict[str, str] = {}
        self.ratings: dict[str, str] = {}

    def view(self, message: SessionMessage, family: Sequence[SessionMessage] = ()) -> MessageView:
        """Return the view of a stored message; `family` are the alternatives at its place, itself among them."""
        view: MessageView = {
            "id": message.message_id,
            "role": message.role,
            "author": author_of(message),
            "state": _state(message),
            "time": message.timestamp.isoformat(timespec="seconds"),
        }
        if message.role == "assistant":
            view["html"] = self._html(message)
            view["numbers"] = numbers_of(message)
            if message.reasoning:
                view["reasoning"] = message.reasoning
            if calls := [_call(part) for part in message.parts if part.get("type") == "tool_call"]:
                view["tools"] = calls
            if rating := self.ratings.get(message.message_id):
                view["rating"] = rating
        else:
            view["text"] = str(message.metadata.get("typed") or message.content)
            if view["text"] != message.content:
                view["sent"] = message.content
        if files := attachments_of(message):
            view["attachments"] = files
        if message.status == "error" and message.role == "assistant":
            view["error"] = error_card(message)
        if branch := branch_of(message, family):
            view["branch"] = branch
        return view

    def views(self, shown: Sequence[SessionMessage], everything: Sequence[SessionMessage]) -> list[MessageView]:
        """Return the views of `shown`, with their alternatives among `everything`."""
        families: dict[tuple[str | None, str], list[SessionMessage]] = {}
        for message in in_conversation(everything):
            families.setdefault((message.parent_id, message.role), []).append(message)
        return [self.view(message, families.get((message.parent_id, message.role), ())) for message in shown]

    def keep(self, message: SessionMessage, html: str) -> None:
        """Remember HTML that was rendered already."""
        self._rendered[message.message_id] = html

    def _html(self, message: SessionMessage) -> str:
        html = self._rendered.get(message.message_id)
        if html is None:
            html = render_markdown(message.content, id_prefix=id_prefix(message.message_id))
            self.keep(message, html)
        return html


def author_of(message: SessionMessage) -> str:
    """Return who speaks, in a word or two."""
    if message.role == "assistant":
        return short_model_name(message.response_model or message.request_model or message.provider or "reply")
    return message.author_name or _NAMES.get(message.role, message.role)


def short_model_name(model: str) -> str:
    """Return the model's family where the name has one that people use, else the name's last part."""
    name = model.rsplit("/", 1)[-1]
    for family in ("claude", "gemini", "llama", "mistral", "qwen", "deepseek", "mock"):
        if family in name.lower():
            return family
    return name


def numbers_of(message: SessionMessage) -> Numbers:
    """Return time, tokens and cost of a reply."""
    usage = message.usage
    detail = [
        f"first text after {formats.seconds(message.time_to_first_chunk_s)}",
        f"{formats.tokens(usage.input_tokens)} in",
        f"{formats.tokens(usage.output_tokens)} out",
    ]
    if usage.cache_read_input_tokens:
        detail.append(f"{formats.tokens(usage.cache_read_input_tokens)} of the input from the cache")
    if usage.reasoning_output_tokens:
        detail.append(f"{formats.tokens(usage.reasoning_output_tokens)} of the output for reasoning")
    if message.provider:
        detail.append(f"{message.provider}/{message.response_model or message.request_model or '?'}")
    return {
        "time": formats.seconds(message.duration_s),
        "tokens": formats.tokens(usage.output_tokens),
        "cost": formats.dollars(message.cost_usd),
        "detail": ", ".join(detail),
    }


def totals(messages: Sequence[SessionMessage]) -> list[list[str]]:
    """Return what a whole chat has used, replies that were replaced included: [name, value] each."""
    replies = [message for message in messages if message.role == "assistant"]
    costs = [reply.cost_usd for reply in replies if reply.cost_usd is not None]
    times = [reply.duration_s for reply in replies if reply.duration_s is not None]
    rows = [
        ["Messages", f"{len(messages):,}"],
        ["Replies, all versions", f"{len(replies):,}"],
        ["Input", formats.tokens(_sum([reply.usage.input_tokens for reply in replies]))],
        ["Output", formats.tokens(_sum([reply.usage.output_tokens for reply in replies]))],
        ["Time for replies", formats.seconds(sum(times) if times else None)],
        ["Cost", formats.dollars(sum(costs, Decimal(0)) if costs else None)],
    ]
    if costs and len(costs) < len(replies):
        rows.append(["Replies of unknown cost", f"{len(replies) - len(costs):,}"])
    return rows


def _sum(values: Sequence[int | None]) -> int | None:
    known = [value for value in values if value is not None]
    return sum(known) if known else None


def error_card(message: SessionMessage) -> ErrorCard:
    """Return the card of a reply that failed."""
    details = [
        ["Provider", message.provider or formats.UNKNOWN],
        ["Model", message.request_model or formats.UNKNOWN],
        ["When", (message.completed_at or message.timestamp).isoformat(sep=" ", timespec="seconds")],
        ["After", formats.seconds(message.duration_s)],
        ["Session", message.session_id],
    ]
    return {"text": message.error_message or "The reply failed. Press Retry.", "details": details}


def branch_of(message: SessionMessage, family: Sequence[SessionMessage]) -> Branch | None:
    """Return the message's place among its alternatives, or None where it has none."""
    ids = [other.message_id for other in family]
    if len(ids) < 2 or message.message_id not in ids:
        return None
    return {"at": ids.index(message.message_id) + 1, "ids": ids}


def _state(message: SessionMessage) -> Literal["complete", "interrupted", "error"]:
    if message.status in ("complete", "error"):
        return message.status
    # A reply whose process died while it streamed was interrupted: nothing will come any more.
    return "interrupted"


def _call(part: dict[str, object]) -> str:
    return f"{part.get('name')}({part.get('arguments')})"
