"""Fetches BASE/0, BASE/1, … with aiohttp, so many at a time, as tasks of one thread.

aiohttp_fetch.py BASE COUNT IN_FLIGHT

Prints one line of JSON: seconds, CPU seconds and peak memory, without the start of Python. Ends
when standard input does, so that it does not outlive its parent.
"""

import asyncio
import json
import os
import resource
import sys
import threading
import time

import aiohttp


def end_with_parent():
    while os.read(0, 4096):
        pass
    os._exit(3)


async def fetch_all(base, count, in_flight):
    room = asyncio.Semaphore(in_flight)

    async def fetch(client, url):
        async with room, client.get(url) as response:
            body = await response.read()
            assert response.status == 200 and len(body) == 1024, (url, response.status, len(body))

    connector = aiohttp.TCPConnector(limit=in_flight)
    async with aiohttp.ClientSession(connector=connector) as client:
        await asyncio.gather(*(fetch(client, f"{base}/{n}") for n in range(count)))


def cpu_seconds():
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def peak_bytes():
    with open("/proc/self/status", encoding="ascii") as status:
        line = next(line for line in status if line.startswith("VmHWM:"))
    return int(line.split()[1]) * 1024


def main():
    base, count, in_flight = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    threading.Thread(target=end_with_parent, daemon=True).start()
    cpu, started = cpu_seconds(), time.perf_counter()
    asyncio.run(fetch_all(base, count, in_flight))
    answer = {
        "wall_s": time.perf_counter() - started,
        "cpu_s": cpu_seconds() - cpu,
        "peak_bytes": peak_bytes(),
    }
    print(json.dumps(answer), flush=True)


main()
