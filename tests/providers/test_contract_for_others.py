"""`langswarm_nb.testing`: what it says of providers that keep the contract, and of those that break it."""

from __future__ import annotations

import asyncio

import pytest
from test_contract import ParrotSession

from langswarm_nb.interfaces import Completed
from langswarm_nb.providers import ProviderSessionFactory
from langswarm_nb.providers.mock import MockProviderSession
from langswarm_nb.testing import check_provider


class Chatty(ParrotSession):
    async def get_provider_metadata(self):
        return {"headers": f"Bearer {self.config['api_key']}"}


class Mute(ParrotSession):
    async def send_message(self, content, role="user", metadata=None):
        reply = await super().send_message(content, role, metadata)
        reply.content = ""
        return reply


class NoReason(MockProviderSession):
    async def send_message_stream(self, content, role="user", metadata=None):
        async for event in super().send_message_stream(content, role, metadata):
            yield Completed() if isinstance(event, Completed) else event


@pytest.mark.parametrize("provider", [MockProviderSession, ParrotSession])
def test_providers_that_keep_it(provider):
    said = asyncio.run(check_provider(provider))
    assert len(said) == 7
    assert all(sentence.endswith(".") for sentence in said)
    assert not [name for name in ProviderSessionFactory.list_providers() if "test" in name]


@pytest.mark.parametrize(
    ("provider", "complaint"),
    [(Chatty, "shows the key"), (Mute, "empty"), (NoReason, "finish_reason")],
)
def test_what_it_says_of_one_that_breaks_it(provider, complaint):
    with pytest.raises(AssertionError, match=complaint):
        asyncio.run(check_provider(provider))
