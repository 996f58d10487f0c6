"""Fixtures of the importers' tests: `store`, an empty one in memory."""

from __future__ import annotations

import pytest

import langswarm_nb as ls


@pytest.fixture
def store():
    return ls.DuckDBSessionStorage(":memory:")
