"""Sparing the garbage collector while many replies stream."""

from __future__ import annotations

import gc
from contextlib import ExitStack

from langswarm_nb.session.collector import MANY, sparing_the_collector


def test_what_was_there_is_set_aside_only_while_many_stream():
    of_python = gc.get_freeze_count()
    assert of_python < 1000
    with ExitStack() as streaming:
        for _ in range(MANY - 1):
            streaming.enter_context(sparing_the_collector())
        assert gc.get_freeze_count() == of_python, "a few replies do not touch the process' collector"
        with sparing_the_collector(), sparing_the_collector():
            assert gc.get_freeze_count() > 1000
        assert gc.get_freeze_count() == 0
        with sparing_the_collector():
            assert gc.get_freeze_count() > 1000
    assert gc.get_freeze_count() == 0


def test_what_a_program_froze_itself_stays_frozen():
    gc.freeze()
    try:
        with ExitStack() as streaming:
            for _ in range(MANY + 1):
                streaming.enter_context(sparing_the_collector())
        assert gc.get_freeze_count() > 1000
    finally:
        gc.unfreeze()
