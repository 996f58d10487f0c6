from __future__ import annotations

import asyncio
import threading

from langswarm_nb.session.turnstile import Turnstile


def test_first_come_first_served():
    async def main():
        turnstile, order = Turnstile(), []

        async def visitor(number):
            async with turnstile:
                order.append(number)
                await asyncio.sleep(0)

        await asyncio.gather(*[visitor(n) for n in range(20)])
        return order

    assert asyncio.run(main()) == list(range(20))


def test_whoever_gives_up_waiting_blocks_nobody():
    async def main():
        turnstile = Turnstile()
        async with turnstile:
            impatient = asyncio.create_task(turnstile.__aenter__())
            patient = asyncio.create_task(turnstile.__aenter__())
            await asyncio.sleep(0)
            impatient.cancel()
            await asyncio.gather(impatient, return_exceptions=True)
        await asyncio.wait_for(patient, 5)
        await turnstile.__aexit__()
        assert not turnstile.busy

    asyncio.run(main())


def test_giving_up_in_the_moment_of_being_let_in_hands_the_place_on():
    async def main():
        turnstile = Turnstile()
        await turnstile.__aenter__()
        unlucky = asyncio.create_task(turnstile.__aenter__())
        await asyncio.sleep(0)
        await turnstile.__aexit__()
        unlucky.cancel()
        await asyncio.gather(unlucky, return_exceptions=True)
        await asyncio.wait_for(turnstile.__aenter__(), 5)

    asyncio.run(main())


def test_one_at_a_time_over_many_loops():
    turnstile, inside, worst = Turnstile(), [], []

    async def visits():
        for _ in range(200):
            async with turnstile:
                inside.append(1)
                worst.append(len(inside))
                await asyncio.sleep(0)
                inside.pop()

    threads = [threading.Thread(target=lambda: asyncio.run(visits())) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert len(worst) == 1200
    assert max(worst) == 1
