"""Python functions that a model may call."""

from __future__ import annotations

import asyncio
import contextvars
import dataclasses
import inspect
import json
import logging
import re
import threading
import time
import warnings
from collections.abc import Awaitable, Callable
from typing import Any, Literal, get_type_hints

from ..attachments import table_text
from ..errors import ConfigurationError
from ..redaction import mask_secrets
from ..stream_events import ToolCall, ToolResult

logger = logging.getLogger(__name__)

# What every service takes as a function's name.
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,63}")
LONGEST_RESULT = 50_000
LONGEST_ERROR = 300

Approval = Callable[[ToolCall], bool | str | Awaitable[bool | str]]
# Whoever sees the session in a chat panel is asked.
ASK = "ask"
NOBODY_TO_ASK = "nobody is there to ask; it takes a chat panel that shows this session"


class Tool:
    """A plain or async function with the schema of its arguments, from its signature and docstring."""

    def __init__(
        self,
        function: Callable[..., Any],
        name: str | None,
        approve: Approval | Literal["ask"] | None,
        timeout_s: float | None,
    ) -> None:
        self.function = function
        self.name = name or getattr(function, "__name__", "")
        self.approve = checked_approval(approve)
        self.timeout_s = timeout_s
        if not callable(function) or not _NAME.fullmatch(self.name):
            raise ConfigurationError(
                f"A tool is a function with a name of letters, digits and _; {self.name or function!r} is none. "
                "Give one with name=."
            )
        if timeout_s is not None and not timeout_s > 0:
            raise ConfigurationError(f"timeout_s must be above 0, or None for no limit; it is {timeout_s!r}.")
        self.description, texts = _described(function)
        self._arguments = _arguments_model(self.name, function, texts)
        self.spec = self._spec()

    def __repr__(self) -> str:
        return f"<Tool {self.name}>"

    def _spec(self) -> dict[str, Any]:
        """Return the tool as a model is told of it: name, description, and the JSON schema of its arguments."""
        with warnings.catch_warnings():
            # Of a default that JSON does not know; the model need not know it either.
            warnings.simplefilter("ignore")
            schema = self._arguments.model_json_schema(by_alias=True)
        schema.pop("title", None)
        for property_ in schema.get("properties", {}).values():
            property_.pop("title", None)
        return {"name": self.name, "description": self.description, "parameters": {"properties": {}, **schema}}

    async def call(self, arguments: dict[str, Any]) -> Any:
        """Return what the function returns; pydantic's ValidationError for arguments that do not fit."""
        checked = self._arguments.model_validate(arguments)
        names = [(name, field.alias or name) for name, field in type(checked).model_fields.items()]
        given = {alias: getattr(checked, name) for name, alias in names if name in checked.model_fields_set}
        if inspect.iscoroutinefunction(self.function):
            return await self.function(**given)
        result = await _in_thread(lambda: self.function(**given))
        return await result if inspect.isawaitable(result) else result


class Toolbox:
    """The tools of a session, and who is asked before one of them is called."""

    def __init__(self) -> None:
        self._tools: dict[str, Tool] = {}
        self.approve: Approval | Literal["ask"] | None = None
        self.asker: Approval | None = None

    def __bool__(self) -> bool:
        return bool(self._tools)

    @property
    def names(self) -> list[str]:
        """The tools' names, in the order in which they were added."""
        return list(self._tools)

    @property
    def specs(self) -> list[dict[str, Any]]:
        """The tools as a model is told of them."""
        return [tool.spec for tool in self._tools.values()]

    def add(self, tool: Tool) -> None:
        """Add `tool`, in place of one of the same name."""
        self._tools[tool.name] = tool

    def remove(self, name: str) -> None:
        """Take a tool away; ConfigurationError where there is none of this name."""
        if self._tools.pop(name, None) is None:
            raise ConfigurationError(f"There is no tool {name!r}. There are: {', '.join(self._tools) or 'none'}.")

    def join(self, other: Toolbox) -> None:
        """Add what `other` has, who is asked included."""
        self._tools |= other._tools
        self.approve = other.approve or self.approve

    async def answer(self, call: ToolCall) -> ToolResult:
        """Return the call's result. Whatever goes wrong is a result too: a short text that the model can act on."""
        started = time.perf_counter()
        content, is_error = await self._answer(call)
        return ToolResult(call.call_id, call.name, content, is_error, time.perf_counter() - started)

    async def _answer(self, call: ToolCall) -> tuple[str, bool]:
        tool = self._tools.get(call.name)
        if tool is None:
            return f"Error: there is no tool {call.name!r}. There are: {', '.join(self._tools)}.", True
        if call.invalid is not None:
            return "Error: the arguments are no JSON object. Send them as one.", True
        refusal = await self._refusal(call, tool)
        if refusal is not None:
            return refusal, True
        timer = asyncio.timeout(tool.timeout_s)
        try:
            async with timer:
                return result_text(await tool.call(call.arguments)), False
        except TimeoutError as error:
            if timer.expired():
                return f"Error: {call.name} took longer than {tool.timeout_s:g} s.", True
            return _error_text(error), True
        except asyncio.CancelledError as error:
            this = asyncio.current_task()
            if this is not None and this.cancelling():
                raise
            return _error_text(error), True
        except (Exception, SystemExit) as error:
            logger.info("the tool %s failed: %s", call.name, type(error).__name__)
            return _error_text(error), True

    async def _refusal(self, call: ToolCall, tool: Tool) -> str | None:
        for approve in dict.fromkeys((self.approve, tool.approve)):
            if approve is None:
                continue
            if isinstance(approve, str):
                approve = self.asker or (lambda _: NOBODY_TO_ASK)
            try:
                answer = await _asked(approve, call)
            except Exception:
                logger.exception("the approval of the tool %s failed; it is not called", call.name)
                answer = False
            if answer is not True:
                reason = f": {answer}" if isinstance(answer, str) and answer else ""
                return f"Error: the user did not allow this call{reason}."
        return None


def checked_approval(approve: Any) -> Any:
    """Return `approve` if it can be asked; ConfigurationError otherwise."""
    if approve is None or approve == ASK or callable(approve):
        return approve
    raise ConfigurationError(f"approve is a function of the call, {ASK!r} or None; it is {approve!r}.")


def result_text(value: Any) -> str:
    """Return what a tool returned as the text that the model reads; what is too long is cut, and says so."""
    text = _result_text(value)
    if len(text) <= LONGEST_RESULT:
        return text
    return f"{text[:LONGEST_RESULT]}\n[cut: the first {LONGEST_RESULT} of {len(text)} characters]"


def _result_text(value: Any) -> str:
    if value is None:
        return "Done."
    if isinstance(value, str):
        return value
    if callable(getattr(value, "model_dump_json", None)):
        return value.model_dump_json()
    if hasattr(value, "columns") and (callable(getattr(value, "to_csv", None)) or hasattr(value, "write_csv")):
        text, shown, total = table_text(value)
        return text if shown == total else f"{text}[the first {shown} of {total} rows]"
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        value = dataclasses.asdict(value)
    if isinstance(value, (dict, list, tuple, bool, int, float)):
        return json.dumps(value, default=str, ensure_ascii=False)
    return str(value)


def _error_text(error: BaseException) -> str:
    problems = getattr(error, "errors", None)
    if type(error).__name__ == "ValidationError" and callable(problems):
        found: Any = problems()
        lines = [f"{'.'.join(map(str, problem['loc'])) or 'value'}: {problem['msg']}" for problem in found]
        text = "; ".join(lines)
    else:
        text = str(error)
    text = " ".join(mask_secrets(text).split())[:LONGEST_ERROR]
    return f"Error: {type(error).__name__}: {text}" if text else f"Error: {type(error).__name__}"


async def _asked(approve: Approval, call: ToolCall) -> bool | str:
    if inspect.iscoroutinefunction(approve):
        return await approve(call)
    # A plain function may ask a person, who takes her time.
    answer = await _in_thread(lambda: approve(call))
    return await answer if inspect.isawaitable(answer) else answer


async def _in_thread(function: Callable[[], Any]) -> Any:
    """Return what `function` returns in a thread of its own.

    Not one of the loop's own threads: a function that hangs would keep it from everybody else, and from its end.
    """
    loop = asyncio.get_running_loop()
    done: asyncio.Future[Any] = loop.create_future()
    context = contextvars.copy_context()

    def tell(value: Any, error: BaseException | None) -> None:
        if done.done():
            return
        if error is None:
            done.set_result(value)
        else:
            # A future cannot carry this one.
            done.set_exception(RuntimeError(str(error)) if isinstance(error, StopIteration) else error)

    def work() -> None:
        value, error = None, None
        try:
            value = context.run(function)
        except BaseException as raised:
            error = raised
        # Whoever waited may be gone, loop and all.
        if not loop.is_closed():
            loop.call_soon_threadsafe(tell, value, error)

    threading.Thread(target=work, name="langswarm_nb tool", daemon=True).start()
    return await done


def _described(function: Callable[..., Any]) -> tuple[str, dict[str, str]]:
    """Return a function's description and those of its parameters, from its docstring in any of the usual styles."""
    from docstring_parser import parse

    found = parse(inspect.getdoc(function) or "")
    texts = [found.short_description, found.long_description]
    description = "\n\n".join(text for text in texts if text)
    return description, {param.arg_name: param.description or "" for param in found.params}


def _arguments_model(name: str, function: Callable[..., Any], texts: dict[str, str]) -> Any:
    from pydantic import ConfigDict, Field, PydanticUserError, create_model

    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        raise ConfigurationError(f"{name} has no signature that can be read. Wrap it in a function.") from None
    try:
        hints = get_type_hints(function, include_extras=True)
    except Exception:
        hints = {p.name: p.annotation for p in parameters if not isinstance(p.annotation, str)}
    fields: dict[str, Any] = {}
    for number, parameter in enumerate(parameters):
        if parameter.kind is parameter.VAR_KEYWORD:
            continue
        if parameter.kind in (parameter.VAR_POSITIONAL, parameter.POSITIONAL_ONLY):
            raise ConfigurationError(
                f"{name} takes {parameter.name} by position only; a model calls by name. Wrap it in a function."
            )
        hint = hints.get(parameter.name, Any)
        default = ... if parameter.default is parameter.empty else parameter.default
        # The field's own name is ours: a parameter may bear one that pydantic keeps for itself.
        field = Field(default, alias=parameter.name, description=texts.get(parameter.name) or None)
        fields[f"argument_{number}"] = (Any if hint is parameter.empty else hint, field)
    try:
        return create_model(f"{name}_arguments", __config__=ConfigDict(extra="forbid"), **fields)
    except PydanticUserError as error:
        raise ConfigurationError(
            f"The arguments of {name} have a type that a model cannot send: {str(error).splitlines()[0]} "
            "Annotate them with plain types, lists, dicts, enums, dataclasses or pydantic models."
        ) from error
