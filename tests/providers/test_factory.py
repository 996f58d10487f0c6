"""Which providers there are, and how sessions with them are opened."""

from __future__ import annotations

import subprocess
import sys
from importlib.metadata import EntryPoint

import pytest

from langswarm_nb.errors import ConfigurationError
from langswarm_nb.interfaces import IProviderSession
from langswarm_nb.providers import ProviderSessionFactory, factory


def test_the_built_in_ones():
    names = ["anthropic", "llamacpp", "lmstudio", "mock", "ollama", "openai", "vllm"]
    assert [name for name in ProviderSessionFactory.list_providers() if name in names] == names


@pytest.mark.parametrize(("name", "variable"), [("openai", "OPENAI_API_KEY"), ("anthropic", "ANTHROPIC_API_KEY")])
def test_what_is_known_of_a_provider(name, variable):
    info = ProviderSessionFactory.get_provider_info(name)
    assert info["key_variable"] == variable
    assert info["needs_key"]
    assert info["default_model"]
    assert ProviderSessionFactory.get_provider_info("ollama")["base_url"].endswith(":11434/v1")
    assert not ProviderSessionFactory.get_provider_info("mock")["needs_key"]


def test_an_unknown_name_is_answered_with_the_known_ones():
    with pytest.raises(ConfigurationError, match=r"no provider 'OpenAi'. Did you mean 'openai'\? .*anthropic, .*vllm"):
        ProviderSessionFactory.create("OpenAi", "s1", "m")


def test_providers_whose_key_is_there():
    assert ProviderSessionFactory.configured_providers({}) == ["mock"]
    keys = {"OPENAI_API_KEY": "a", "ANTHROPIC_API_KEY": ""}
    assert ProviderSessionFactory.configured_providers(keys) == ["openai", "mock"]


def test_a_registered_one_is_called_with_its_options():
    asked = []

    def make(session_id, model, config):
        asked.append((session_id, model, config))
        return ProviderSessionFactory.create("mock", session_id, model, config)

    ProviderSessionFactory.register_provider("mine", make, {"a": 1, "b": 2, "api_key": "hidden"})
    session = ProviderSessionFactory.create("mine", "s1", "m", {"b": 3})
    assert isinstance(session, IProviderSession)
    assert asked == [("s1", "m", {"a": 1, "b": 3, "api_key": "hidden"})]
    assert "mine" in ProviderSessionFactory.list_providers()
    assert "hidden" not in str(ProviderSessionFactory.get_provider_info("mine"))


def test_a_factory_that_fails_is_named():
    def broken(session_id, model, config):
        raise KeyError("planted-secret")

    ProviderSessionFactory.register_provider("broken", broken)
    with pytest.raises(ConfigurationError, match="'broken' could not be set up") as caught:
        ProviderSessionFactory.create("broken", "s1", "m")
    assert "planted" not in str(caught.value)
    with pytest.raises(ConfigurationError):
        ProviderSessionFactory.register_provider("nothing", None)


def test_a_package_can_bring_one(monkeypatch):
    entry = EntryPoint("fromapackage", "langswarm_nb.providers.mock:MockProviderSession", factory.ENTRY_POINT_GROUP)
    monkeypatch.setattr(factory, "entry_points", lambda group: [entry] if group == entry.group else [])
    assert "fromapackage" in ProviderSessionFactory.list_providers()
    assert ProviderSessionFactory.create("fromapackage", "s1", "m").provider_session_id


def test_the_default_model_stands_in():
    assert ProviderSessionFactory.create("anthropic", "s1", None, {"api_key": "k"}).model.startswith("claude-")


def test_no_sdk_is_loaded_before_it_is_used():
    code = (
        "import sys\n"
        "from langswarm_nb.providers import ProviderSessionFactory as F\n"
        "[F.get_provider_info(name) for name in F.list_providers()]\n"
        "F.create('openai', 's', 'm', {'api_key': 'k'}), F.create('anthropic', 's', 'm', {'api_key': 'k'})\n"
        "print(sorted({'openai', 'anthropic', 'httpx2', 'genai_prices'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_one_sdk_does_not_bring_the_other():
    code = (
        "import asyncio, sys\n"
        "from langswarm_nb.providers import ProviderSessionFactory as F\n"
        "session = F.create('openai', 's', 'm', {'api_key': 'k', 'api': 'chat'})\n"
        "asyncio.run(session.create_provider_session())\n"
        "print('openai' in sys.modules, 'anthropic' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "True False"
