"""A provider without a model: deterministic, free, offline. For tests, demos and notebooks without a key."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator, Sequence
from typing import Any

from ..attachments import names_of
from ..errors import ProviderUnavailableError
from ..interfaces import IProviderSession
from ..models import SessionMessage, Usage
from ..reply import reply_of
from ..stream_events import Completed, ProviderEvent, TextDelta, ToolCall, UsageUpdate
from .mock_output import sample

DEFAULT_PATTERN = "Mock response to: {input}"

# What the model `mock-markdown` answers: one of everything that a panel can show.
MARKDOWN_PATTERN = """\
## You asked: {input}

This reply comes from the **mock provider**: no model, no key, no cost. It shows what a *real* one may send.

```python
import pandas as pd

def running_mean(values: pd.Series, window: int = 7) -> pd.Series:
    "Smooth a series; the first values are NaN."
    return values.rolling(window).mean()
```

| part | what it does |
| --- | --- |
| session | keeps the conversation in DuckDB |
| frames | `ls.messages()` is a DataFrame |
| dashboard | `ls.dashboard()` draws usage, cost, latency |

1. Ask something else below.
2. Restart the kernel and run this cell again: it is all still there.

> The mean of the first $n$ numbers is $\\frac{n + 1}{2}$.
"""


class MockProviderSession(IProviderSession):
    """Answers with a pattern, word by word.

    `config` takes `response_pattern`, `response_delay_ms` and `error_rate`, as the setters do. Tokens are counted
    as words. The model `mock-markdown` has a pattern of its own that shows all that Markdown can do.
    """

    def __init__(self, session_id: str, model: str = "mock-model", config: dict[str, Any] | None = None) -> None:
        self.session_id = session_id
        self.model = model
        self.config = dict(config or {})
        self.history: list[tuple[str, str]] = []
        self.tools: list[str] = []
        self._calls = 0
        self._tool_steps: list[list[Any]] = []
        self._calls_made = 0

    @property
    def provider_session_id(self) -> str:
        return f"mock-{self.session_id}"

    def set_response_pattern(self, text: str) -> None:
        """Answer with `text` from now on; `{input}` stands for the prompt."""
        self.config["response_pattern"] = text

    def set_response_delay(self, ms: float) -> None:
        """Take `ms` milliseconds for a whole reply, spread evenly over its words when it is streamed."""
        self.config["response_delay_ms"] = ms

    def set_error_rate(self, rate: float) -> None:
        """Fail `rate` (0 to 1) of the calls, evenly: with 0.25 every fourth call fails."""
        self.config["error_rate"] = rate

    def restore(self, messages: Sequence[SessionMessage]) -> None:
        """Take `messages` for the conversation so far."""
        self.history = [(message.role, message.content) for message in messages]

    def set_tool_calls(self, calls: Sequence[Any]) -> None:
        """Ask for these calls in the next turn, before it is answered; each is a mapping of `name` and `arguments`.

        The calls of a list are asked for at once; of a list of lists, one list after the other.
        """
        in_steps = bool(calls) and all(isinstance(step, (list, tuple)) for step in calls)
        self._tool_steps = [list(step) for step in calls] if in_steps else [list(calls)] if calls else []

    async def send_message_stream(
        self,
        content: str,
        role: str = "user",
        metadata: dict[str, Any] | None = None,
        *,
        parts: Sequence[dict[str, Any]] = (),
        tools: Sequence[dict[str, Any]] = (),
        tool_results: Sequence[SessionMessage] = (),
        output_schema: dict[str, Any] | None = None,
    ) -> AsyncIterator[ProviderEvent]:
        """Yield the reply word by word, then usage and the end.

        The reply echoes the names of what was attached and the results of tools; to an `output_schema` it is the
        smallest value that fits, unless a pattern was set.
        """
        self._fail_sometimes()
        self.tools = [tool["name"] for tool in tools]
        if names := names_of(parts):
            content = f"{content} [{names}]".strip()
        if tool_results:
            role, content = "tool", ", ".join(result.content for result in tool_results)
        if self._tool_steps:
            for event in self._calls_for(self._tool_steps.pop(0), role, content):
                yield event
            return
        if output_schema is not None and "response_pattern" not in self.config:
            reply = json.dumps(sample(output_schema["schema"]))
        else:
            reply = self._pattern().replace("{input}", content)
        words = re.findall(r"\s*\S+|\s+$", reply)
        pause = float(self.config.get("response_delay_ms", 0)) / 1000 / max(len(words), 1)
        for word in words:
            # Also without a pause: give others a turn, as a network would.
            await asyncio.sleep(pause)
            yield TextDelta(word)
        asked = sum(len(text.split()) for _, text in [*self.history, (role, content)])
        usage = Usage(input_tokens=asked, output_tokens=len(reply.split()))
        self.history += [(role, content), ("assistant", reply)]
        yield UsageUpdate(usage)
        yield Completed(
            finish_reason="stop",
            response_model=self.model,
            provider_message_id=f"mock-message-{len(self.history) // 2}",
            provider_metadata={"provider": "mock", "model": self.model, "usage": usage.to_dict()},
        )

    async def send_message(
        self, content: str, role: str = "user", metadata: dict[str, Any] | None = None, **more: Any
    ) -> SessionMessage:
        """Return the whole reply."""
        return await reply_of(self.send_message_stream(content, role, metadata, **more), self.session_id, metadata)

    async def get_provider_metadata(self) -> dict[str, Any]:
        return {"provider": "mock", "model": self.model, "conversation_length": len(self.history)}

    async def update_provider_config(self, config: dict[str, Any]) -> None:
        self.config = {name: value for name, value in {**self.config, **config}.items() if value is not None}

    async def cleanup_provider_resources(self) -> None:
        self.history.clear()

    def _pattern(self) -> str:
        default = MARKDOWN_PATTERN if self.model == "mock-markdown" else DEFAULT_PATTERN
        return self.config.get("response_pattern", default)

    def _calls_for(self, calls: list[Any], role: str, content: str) -> list[ProviderEvent]:
        first = self._calls_made + 1
        self._calls_made += len(calls)
        self.history += [(role, content), ("assistant", "")]
        usage = Usage(input_tokens=len(content.split()), output_tokens=len(calls))
        asked = [
            ToolCall(f"mock-call-{number}", call["name"], call.get("arguments") or {})
            for number, call in enumerate(calls, first)
        ]
        return [*asked, UsageUpdate(usage), Completed("tool_calls", self.model, f"mock-calls-{first}")]

    def _fail_sometimes(self) -> None:
        rate = float(self.config.get("error_rate", 0))
        self._calls += 1
        if int(self._calls * rate) > int((self._calls - 1) * rate):
            raise ProviderUnavailableError(
                f"The mock provider failed on purpose (error rate {rate:g}). Press Retry, or set the rate to 0.",
                provider="mock",
                session_id=self.session_id,
            )
