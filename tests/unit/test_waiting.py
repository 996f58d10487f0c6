"""Waiting in event loops for what threads do."""

from __future__ import annotations

import asyncio
import threading

import pytest

from langswarm_nb.storage.waiting import LoopAnswer


async def awaited(answer):
    return await answer


def test_everybody_gets_their_own_answer():
    def settle(answers):
        for number, one in enumerate(answers):
            if number % 7:
                one.set_result(number)
            else:
                one.set_exception(OSError(number))

    async def main():
        answers = [LoopAnswer() for _ in range(100)]
        threading.Thread(target=settle, args=(answers,)).start()
        return await asyncio.gather(*map(awaited, answers), return_exceptions=True)

    answers = asyncio.run(main())
    assert [a if isinstance(a, int) else -a.args[0] for a in answers] == [n if n % 7 else -n for n in range(100)]


def test_each_loop_hears_its_own():
    made: list[LoopAnswer] = []
    heard: list[str] = []
    both = threading.Barrier(3)

    async def wait():
        made.append(LoopAnswer())
        both.wait(30)
        heard.append(await made[0] if made[0]._loop is asyncio.get_running_loop() else await made[1])

    threads = [threading.Thread(target=lambda: asyncio.run(wait())) for _ in range(2)]
    for thread in threads:
        thread.start()
    both.wait(30)
    for answer in made:
        answer.set_result("here")
    for thread in threads:
        thread.join(30)
    assert heard == ["here", "here"]


def test_who_is_cancelled_stops_waiting_and_the_others_go_on():
    async def main():
        one, other = LoopAnswer(), LoopAnswer()
        given_up, patient = asyncio.ensure_future(awaited(one)), asyncio.ensure_future(awaited(other))
        await asyncio.sleep(0)
        given_up.cancel()
        one.set_result(1)
        other.set_result(2)
        with pytest.raises(asyncio.CancelledError):
            await given_up
        return await patient

    assert asyncio.run(main()) == 2


def test_an_answer_that_comes_after_its_loop_harms_nobody():
    made: list[LoopAnswer] = []

    async def give_up():
        made.append(LoopAnswer())
        await asyncio.wait_for(awaited(made[0]), 0.01)

    async def next_one():
        answer = LoopAnswer()
        threading.Thread(target=answer.set_result, args=("here",)).start()
        return await answer

    with pytest.raises(TimeoutError):
        asyncio.run(give_up())
    made[0].set_result("too late")
    assert asyncio.run(next_one()) == "here"
