"""Clients of which about half leave at a random moment: `departing_clients.py URL REQUESTS SEED`; prints how many got an answer."""

import asyncio
import random
import ssl
import sys

import httpx2

AT_ONCE = 40


async def main(url: str, count: int, seed: int) -> None:
    dice = random.Random(seed)
    free = asyncio.Semaphore(AT_ONCE)
    trust = ssl.create_default_context()
    answered = 0

    async def one(number: int) -> None:
        nonlocal answered
        texts = [
            f"request {number} text {place} " + "word " * dice.randrange(20) for place in range(dice.randint(1, 12))
        ]
        stay = dice.random() < 0.5
        # A connection each: dropping the request then is what a client that dies looks like.
        async with free, httpx2.AsyncClient(base_url=url, timeout=60, verify=trust) as client:
            asking = asyncio.create_task(client.post("/v1/embeddings", json={"input": texts}))
            await asyncio.wait({asking}, timeout=None if stay else dice.random() * 0.05)
            if asking.done():
                assert (await asking).status_code == 200
                answered += 1
                return
            asking.cancel()
            await asyncio.wait({asking})

    await asyncio.gather(*(one(number) for number in range(count)))
    print(answered)  # noqa: T201 - the result


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3])))
