"""Waiting in event loops for what threads do."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import Future

import pytest

from langswarm_nb.storage.waiting import done


def test_everybody_gets_their_own_answer():
    work = [Future() for _ in range(100)]

    def settle():
        for number, one in enumerate(work):
            if number % 7:
                one.set_result(number)
            else:
                one.set_exception(OSError(number))

    async def main():
        waiting = [asyncio.ensure_future(done(one)) for one in work]
        await asyncio.sleep(0)
        threading.Thread(target=settle).start()
        return await asyncio.gather(*waiting, return_exceptions=True)

    answers = asyncio.run(main())
    assert [a if isinstance(a, int) else -a.args[0] for a in answers] == [n if n % 7 else -n for n in range(100)]


def test_two_loops_wait_for_the_same():
    one = Future()
    threads = [threading.Thread(target=lambda: heard.append(asyncio.run(done(one)))) for _ in range(2)]
    heard: list[str] = []
    for thread in threads:
        thread.start()
    one.set_result("here")
    for thread in threads:
        thread.join(30)
    assert heard == ["here", "here"]


def test_who_is_cancelled_stops_waiting_and_the_work_goes_on():
    one, other = Future(), Future()

    async def main():
        given_up, patient = asyncio.ensure_future(done(one)), asyncio.ensure_future(done(other))
        await asyncio.sleep(0)
        given_up.cancel()
        one.set_result(1)
        other.set_result(2)
        with pytest.raises(asyncio.CancelledError):
            await given_up
        return await patient

    assert asyncio.run(main()) == 2
    assert one.result() == 1


def test_work_that_ends_after_its_loop_harms_nobody():
    late, next_one = Future(), Future()
    with pytest.raises(TimeoutError):
        asyncio.run(asyncio.wait_for(done(late), 0.01))
    late.set_result("too late")
    next_one.set_result("here")
    assert asyncio.run(done(next_one)) == "here"
