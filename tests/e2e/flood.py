"""Sends webhooks that ask for nothing, as fast as it can, so that a gateway has work: run in a pod, with aiohttp alone.

    python flood.py http://gateway/mark-as-solved/webhook/TOKEN 16

A resolve that says the room is not resolved is read, checked and answered 200, and means nothing.
"""

import asyncio
import sys

import aiohttp

BODY = b'{"service": {"is_resolved": false, "room_id": "1"}, "customer": {}, "resolved_by": {}}'


async def main(url: str, senders: int) -> None:
    """Send until killed."""
    async with aiohttp.ClientSession(headers={"Content-Type": "application/json"}) as client:
        await asyncio.gather(*(_send(client, url) for _ in range(senders)))


async def _send(client: aiohttp.ClientSession, url: str) -> None:
    while True:
        try:
            async with client.post(url, data=BODY) as answer:
                await answer.read()
        except aiohttp.ClientError:
            await asyncio.sleep(0.5)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], int(sys.argv[2])))
