"""What the model makes of the older part of a conversation, so that it can go on without it."""

from __future__ import annotations

import time
from contextlib import aclosing

from ..clock import now
from ..interfaces import IProviderSession
from ..models import SessionMessage
from ..pricing import price_reply
from ..reply import ReplyDraft
from .provider_stream import provider_events

# Stands in the metadata of a row that was paid for without being part of the conversation.
SUMMARY = "summary"
SUMMARY_REQUEST = (
    "Summarize our conversation so far for yourself, so that you can go on without it: what was asked, what was found "
    "and decided, names, numbers, and what is still open. Write the summary only."
)


async def summarize(provider: IProviderSession, reply: SessionMessage) -> None:
    """Ask for a summary of what `provider` was told, and fill `reply` with it: text, usage, cost and times."""
    began = time.perf_counter()
    draft = ReplyDraft()
    async with aclosing(provider_events(provider, SUMMARY_REQUEST, "user", None)) as events:
        async for event in events:
            if draft.is_empty:
                reply.time_to_first_chunk_s = time.perf_counter() - began
            draft.add(event)
    draft.fill(reply)
    reply.completed_at = now()
    reply.duration_s = time.perf_counter() - began
    reply.processing_time_ms = reply.duration_s * 1000
    await price_reply(reply)
