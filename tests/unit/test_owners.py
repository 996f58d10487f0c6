from __future__ import annotations

import os
import subprocess
import sys
from datetime import timedelta

import pytest

from langswarm_nb.clock import now
from langswarm_nb.storage import owners

CHILD = "from langswarm_nb.storage.owners import new_owner; print(new_owner(), flush=True); input()"


def test_an_owner_of_this_process_is_there_until_it_retires():
    owner = owners.new_owner()
    assert not owners.is_gone(owner, None)
    owners.retire(owner)
    assert owners.is_gone(owner, now())


@pytest.mark.skipif(sys.platform == "win32", reason="there only time tells")
def test_a_process_of_this_machine_is_looked_at():
    child = subprocess.Popen([sys.executable, "-c", CHILD], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert child.stdout is not None
    owner = child.stdout.readline().strip()
    long_ago = now() - timedelta(days=1)
    assert not owners.is_gone(owner, long_ago)
    child.kill()
    child.communicate()
    assert owners.is_gone(owner, now())


@pytest.mark.skipif(not os.path.exists("/proc/self/stat"), reason="start times are read from /proc")
def test_a_number_that_went_to_another_process_is_no_life():
    place, _, _, token = owners.new_owner().split(":")
    parent = os.getppid()
    assert owners.is_gone(f"{place}:{parent}:1:{token}", now())
    assert owners.is_gone(f"{place}:{2**22 + 1}:1:{token}", now())


def test_elsewhere_time_tells():
    elsewhere = "0123456789abcdef:77:123:token"
    assert not owners.is_gone(elsewhere, now())
    assert owners.is_gone(elsewhere, now() - timedelta(seconds=owners.GONE_AFTER_S + 1))
    assert owners.is_gone(elsewhere, None)
    assert owners.is_gone("", None)
