from __future__ import annotations

import pandas as pd
import pytest

from langswarm_nb import ConfigurationError
from langswarm_nb.notebook.namespace import expand, names_starting_with


def test_expressions_are_evaluated_and_single_braces_left_alone():
    assert expand("{{ n + 1 }} of {x} and {{name}}", {"n": 2, "name": "Ada"}) == "3 of {x} and Ada"


def test_a_frame_becomes_its_schema_and_a_preview():
    frame = pd.DataFrame({"city": ["Oslo"] * 100, "n": range(100)})
    text = expand("{{ frame }}", {"frame": frame})
    assert "100 rows and 2 columns" in text
    assert "- n: int64" in text
    assert text.count("Oslo") == 5


def test_a_wide_frame_is_cut():
    wide = pd.DataFrame({f"c{n}": [1] for n in range(80)})
    assert "and 30 more" in expand("{{wide}}", {"wide": wide})


def test_a_series():
    assert "Series 'n', 9 values of int64: [0, 1, 2, 3, 4]" in expand("{{s}}", {"s": pd.Series(range(9), name="n")})


def test_an_expression_that_fails_is_named():
    with pytest.raises(ConfigurationError, match=r"\{\{ nope \}\}.*NameError"):
        expand("{{ nope }}", {})


def test_completion_leaves_out_what_is_not_the_readers():
    namespace = {"_": 1, "In": [], "frame": 1, "fruit": 2, "other": 3}
    assert names_starting_with("fr", namespace) == ["frame", "fruit"]
    assert names_starting_with("", namespace) == ["frame", "fruit", "other"]
