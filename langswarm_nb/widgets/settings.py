"""What a reader can set about a session: its instructions, and how the model answers."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from ..models import SessionConfig
from ..providers.anthropic.capabilities import takes_sampling, version
from ..session.session import Session
from .protocol import Setting

LONGEST_PROMPT = 100_000
MOST_TOKENS = 1_000_000

_REASONING = re.compile(r"(?:^|/)(?:o\d|gpt-(?:[5-9]|\d{2}))")
_SAYS_REASONING = ("anthropic", "openai", "ollama", "vllm", "lmstudio", "llamacpp")


def settings_of(session: Session) -> list[Setting]:
    """Return the fields for this session's model, with their values; '' is the provider's own."""
    config, options = session.config, session.config.provider_config
    hottest = 1 if session.provider == "anthropic" else 2
    fields: list[Setting] = [
        {
            "name": "system_prompt",
            "label": "Instructions",
            "kind": "text",
            "value": config.system_prompt or "",
            "help": "What the model should know in every turn (the system prompt).",
        }
    ]
    if session.provider != "anthropic" or takes_sampling(session.model):
        fields.append(
            {
                "name": "temperature",
                "label": "Temperature",
                "kind": "number",
                "value": _shown(options.get("temperature")),
                "help": f"0 to {hottest}: low is steady, high is varied.",
                "most": hottest,
            }
        )
    fields.append(
        {
            "name": "max_tokens",
            "label": "Longest reply",
            "kind": "number",
            "value": _shown(options.get("max_tokens")),
            "help": "In tokens; a token is about three quarters of a word.",
            "most": MOST_TOKENS,
        }
    )
    if levels := reasoning_levels(session.provider, session.model):
        fields.append(
            {
                "name": "reasoning_level",
                "label": "Reasoning",
                "kind": "choice",
                "value": _shown(options.get("reasoning_level")),
                "help": "More thinks longer, and costs more.",
                "choices": levels,
            }
        )
    return fields


def reasoning_levels(provider: str, model: str) -> list[str]:
    """Return the levels at which a model thinks, or none where it is not known to take one."""
    if provider == "anthropic":
        known = version(model)
        return ["low", "medium", "high", "max"] if known is None or known >= (3, 7) else []
    if provider == "openai" and not _REASONING.search(model):
        return []
    return ["low", "medium", "high"] if provider in _SAYS_REASONING else []


def checked(session: Session, values: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, str]]:
    """Return the changes to the configuration, and what is wrong: a sentence for each field that cannot be taken."""
    changes: dict[str, Any] = {}
    problems: dict[str, str] = {}
    options = dict(session.config.provider_config)
    for field in settings_of(session):
        name = field["name"]
        if name not in values:
            continue
        text = str(values[name]).strip()
        try:
            value = _value(field, text)
        except ValueError as error:
            problems[name] = str(error)
            continue
        if name == "system_prompt":
            changes[name] = value
        elif value is None:
            options.pop(name, None)
        else:
            options[name] = value
    if options != session.config.provider_config:
        changes["provider_config"] = options
    return changes, problems


def summary(config: SessionConfig) -> list[str]:
    """Return in a few words what is set; nothing where all is the provider's own."""
    options = config.provider_config
    words = ["instructions"] if config.system_prompt else []
    if options.get("temperature") is not None:
        words.append(f"temperature {_shown(options['temperature'])}")
    if options.get("max_tokens") is not None:
        words.append(f"at most {_shown(options['max_tokens'])} tokens")
    if options.get("reasoning_level"):
        words.append(f"reasoning {options['reasoning_level']}")
    return words


def _value(field: Setting, text: str) -> Any:
    if not text:
        return None
    if field["kind"] == "choice":
        if text not in field.get("choices", ()):
            raise ValueError(f"{field['label']} is one of {', '.join(field.get('choices', ()))}, or empty.")
        return text
    if field["kind"] == "text":
        if len(text) > LONGEST_PROMPT:
            raise ValueError(f"{field['label']} may have {LONGEST_PROMPT:,} characters; these are {len(text):,}.")
        return text
    most = field.get("most", 0)
    if field["name"] == "max_tokens":
        if not re.fullmatch(r"[0-9]{1,9}", digits := text.replace(",", "").replace(" ", "")) or not (
            1 <= int(digits) <= most
        ):
            raise ValueError(f"{field['label']} is a whole number of tokens, 1 to {most:,}, or empty.")
        return int(digits)
    plain = text.replace(",", ".")
    if not re.fullmatch(r"[0-9]{1,3}(\.[0-9]{1,6})?|\.[0-9]{1,6}", plain) or float(plain) > most:
        raise ValueError(f"{field['label']} is a number from 0 to {most}, or empty.")
    return float(plain)


def _shown(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else "" if value is None else str(value)
