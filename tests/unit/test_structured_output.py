"""Replies that are values, with the mock provider."""

from __future__ import annotations

import asyncio
import enum
from dataclasses import dataclass
from datetime import date
from typing import Literal

import pytest
from pydantic import BaseModel, Field

import langswarm_nb as ls
from langswarm_nb.providers.request import strict_schema
from langswarm_nb.session.structured_output import OutputForm


class Kind(enum.Enum):
    CITY = "city"
    VILLAGE = "village"


class Town(BaseModel):
    name: str = Field(min_length=2)
    people: int = Field(ge=1000)
    founded: date | None = None
    kind: Kind
    twins: list[Town] = []
    road: Literal["E6", "E18"] = "E6"


@dataclass
class Pair:
    left: int
    right: float


async def new_session(pattern=None):
    manager = ls.create_session_manager(storage="memory", providers={"mock": None})
    session = await manager.create_session("ada", "mock", "mock-model")
    if pattern is not None:
        session.provider_session.set_response_pattern(pattern)
    return session


@pytest.mark.parametrize("model", [Town, Pair, list[int], int, list[Town], dict[str, int], Kind])
def test_the_mock_gives_a_value_of_any_type(model):
    async def main():
        session = await new_session()
        found = await session.send_structured("Where?", model)
        OutputForm(model)._adapter.validate_python(found, strict=True)
        assert [m.role for m in await session.get_messages()] == ["user", "assistant"]

    asyncio.run(main())


@pytest.mark.parametrize(
    "text",
    [
        '{"left": 1, "right": 2}',
        'Here it is:\n```json\n{"left": 1, "right": 2}\n```\nAnything else?',
        'Sure! {"left": 1, "right": 2} Good luck.',
        '\n  {"left": 1, "right": 2}\n',
    ],
)
def test_words_around_the_value_do_not_matter(text):
    async def main():
        return await (await new_session(text)).send_structured("Two numbers.", Pair)

    assert asyncio.run(main()) == Pair(1, 2.0)


def test_a_list_may_come_as_it_is_or_in_its_envelope():
    for text in ("[1, 2]", '{"value": [1, 2]}', "```\n[1, 2]\n```"):
        assert OutputForm(list[int]).parse(text) == [1, 2]


def test_what_does_not_fit_goes_back_with_what_is_wrong():
    async def main():
        session = await new_session("Not a pair: {input}")
        with pytest.raises(ls.ProviderRefusedError, match=r"gave no valid Pair. Asked 3 times") as caught:
            await session.send_structured("Two numbers.", Pair)
        assert caught.value.__cause__ is not None
        stored = await session.get_messages()
        assert [m.role for m in stored] == ["user", "assistant"] * 3
        assert stored[0].content == "Two numbers."
        assert stored[2].content.startswith("That does not fit: ")
        assert all(m.status == "complete" for m in stored)
        with pytest.raises(ls.ConfigurationError, match="max_attempts"):
            await session.send_structured("Two numbers.", Pair, max_attempts=0)

    asyncio.run(main())


def test_a_type_without_a_schema_is_said():
    class Opaque:
        pass

    async def main():
        session = await new_session()
        with pytest.raises(ls.ConfigurationError, match="Use a pydantic model"):
            await session.send_structured("What?", Opaque)
        assert session.message_count == 0

    asyncio.run(main())


def test_strict_schemas_close_every_object():
    schema = strict_schema(OutputForm(Town).schema["schema"])
    assert schema is not None
    assert schema["additionalProperties"] is False
    assert set(schema["required"]) == {"name", "people", "founded", "kind", "twins", "road"}
    assert schema["$defs"]["Kind"]["enum"] == ["city", "village"]
    assert schema["properties"]["twins"]["items"] == {"$ref": "#/$defs/Town"}
    assert strict_schema(OutputForm(dict[str, int]).schema["schema"]) is None


def test_a_property_may_bear_the_name_of_a_keyword():
    class Book(BaseModel):
        title: str
        default: int

    schema = strict_schema(OutputForm(Book).schema["schema"])
    assert schema is not None
    assert list(schema["properties"]) == ["title", "default"]


def test_a_provider_without_the_mode_is_asked_in_words():
    heard = []

    class Plain(ls.IProviderSession):
        provider_session_id = "p"

        def __init__(self, session_id, model, config):
            self.session_id = session_id

        async def send_message(self, content, role="user", metadata=None):
            heard.append(content)
            return ls.SessionMessage("1", self.session_id, "assistant", '{"left": 1, "right": 2}', ls_now())

        async def get_provider_metadata(self): ...
        async def update_provider_config(self, config): ...
        async def cleanup_provider_resources(self): ...

    async def main():
        ls.ProviderSessionFactory.register_provider("plain", Plain)
        manager = ls.create_session_manager(storage="memory", providers={"plain": None})
        session = await manager.create_session("ada", "plain", "m")
        assert await session.send_structured("Two numbers.", Pair) == Pair(1, 2.0)
        assert '"right"' in heard[0]
        assert (await session.get_messages())[0].content == "Two numbers."

    asyncio.run(main())


def ls_now():
    from langswarm_nb.clock import now

    return now()
