"""Replies that are values: a type's schema goes out, a validated value comes back."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from typing import Any, Generic, Protocol, TypeVar

from ..errors import ConfigurationError, ProviderRefusedError
from ..models import SessionMessage
from ..stream_events import StreamEvent
from .turn import reply_of

T = TypeVar("T")

_FENCED = re.compile(r"```(?:json)?\s*\n(.*?)\n?```", re.S)
_MOST_PROBLEMS = 10


class OutputForm(Generic[T]):
    """A type that a reply has to fit. `schema` is its name and its JSON schema, always one of an object."""

    def __init__(self, model: type[T]) -> None:
        from pydantic import PydanticUserError, TypeAdapter

        self.name = re.sub(r"\W+", "_", getattr(model, "__name__", "") or "Reply")[:60]
        try:
            self._adapter: TypeAdapter[T] = TypeAdapter(model)
            schema = self._adapter.json_schema()
        except PydanticUserError as error:
            raise ConfigurationError(
                f"{model!r} has no JSON schema: {str(error).splitlines()[0]} Use a pydantic model."
            ) from error
        if "$ref" in schema:
            # A type that refers to itself; services want an object at the root.
            schema = {**schema["$defs"][schema["$ref"].rpartition("/")[2]], "$defs": schema["$defs"]}
        self._wrapped = schema.get("type") != "object"
        if self._wrapped:
            named = {"$defs": schema.pop("$defs")} if "$defs" in schema else {}
            schema = {"type": "object", "properties": {"value": schema}, "required": ["value"], **named}
        self.schema: dict[str, Any] = {"name": self.name, "schema": schema}

    def parse(self, text: str) -> T:
        """Return the value in `text`; pydantic's ValidationError says what does not fit."""
        from pydantic_core import from_json

        found = from_json(_json_in(text)) if self._wrapped else None
        if isinstance(found, dict) and set(found) == {"value"}:
            return self._adapter.validate_python(found["value"])
        return self._adapter.validate_json(_json_in(text))


class _Sender(Protocol):
    session_id: str
    provider: str
    model: str

    def stream(
        self,
        content: str,
        role: str = ...,
        metadata: dict[str, Any] | None = ...,
        *,
        attachments: Any = ...,
        output_form: OutputForm[Any] | None = ...,
    ) -> AsyncIterator[StreamEvent]: ...


async def structured(
    session: _Sender,
    content: str,
    model: type[T],
    metadata: dict[str, Any] | None,
    attachments: Any,
    max_attempts: int,
) -> T:
    """Return the reply to `content` as a `model`; ProviderRefusedError after `max_attempts` that do not fit."""
    from pydantic import ValidationError

    if max_attempts < 1:
        raise ConfigurationError(f"max_attempts is 1 or more; it is {max_attempts!r}.", session.session_id)
    form = OutputForm(model)
    for attempt in range(1, max_attempts + 1):
        events = session.stream(content, "user", metadata, attachments=attachments, output_form=form)
        reply = await reply_of(events)
        try:
            return form.parse(reply.content)
        except (ValidationError, ValueError) as error:
            if reply.finish_reason in ("length", "content_filter", "max_steps") or attempt == max_attempts:
                raise _refusal(session, form.name, reply, attempt, _problems(error)) from error
            content = (
                f"That does not fit: {_problems(error)}. Send the whole corrected JSON value again and nothing else."
            )
            attachments = None
    raise AssertionError("the last attempt returns or raises")


def _json_in(text: str) -> str:
    """Return the JSON value in a reply; models put words and Markdown around it."""
    text = text.strip()
    if fenced := _FENCED.search(text):
        return fenced[1]
    starts = [at for at in (text.find("{"), text.find("[")) if at >= 0]
    if not starts or text[0] in '{["':
        return text
    return text[min(starts) : max(text.rfind("}"), text.rfind("]")) + 1]


def _problems(error: Exception) -> str:
    found: Any = getattr(error, "errors", None)
    if not callable(found):
        return "it is no JSON"
    problems: Any = found(include_url=False, include_input=False)
    lines = [f"{'.'.join(map(str, problem['loc'])) or 'the whole'}: {problem['msg']}" for problem in problems]
    return "; ".join(lines[:_MOST_PROBLEMS])


def _refusal(session: _Sender, name: str, reply: SessionMessage, attempts: int, problems: str) -> ProviderRefusedError:
    if reply.finish_reason == "length":
        why = "The reply was cut off. Raise max_tokens and send it again."
    elif reply.finish_reason == "content_filter":
        why = "The model declined to answer."
    else:
        tried = "once" if attempts == 1 else f"{attempts} times"
        why = f"Asked {tried}; the last reply does not fit ({problems}). Choose another model, or a simpler type."
    return ProviderRefusedError(
        f"{session.model} gave no valid {name}. {why}",
        provider=session.provider,
        session_id=session.session_id,
        error_code="invalid_output",
    )
