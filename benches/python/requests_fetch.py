"""Fetches BASE/0, BASE/1, … with requests on a pool of so many threads, a session for each thread.

requests_fetch.py BASE COUNT IN_FLIGHT

Prints one line of JSON: seconds, CPU seconds and peak memory, without the start of Python. Ends
when standard input does, so that it does not outlive its parent.
"""

import json
import os
import resource
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import requests

own = threading.local()


def end_with_parent():
    while os.read(0, 4096):
        pass
    os._exit(3)


def fetch(url):
    if not hasattr(own, "session"):
        own.session = requests.Session()
        own.session.trust_env = False
    response = own.session.get(url)
    assert response.status_code == 200 and len(response.content) == 1024, url


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
    with ThreadPoolExecutor(in_flight) as pool:
        for _ in pool.map(fetch, (f"{base}/{n}" for n in range(count))):
            pass
    answer = {
        "wall_s": time.perf_counter() - started,
        "cpu_s": cpu_seconds() - cpu,
        "peak_bytes": peak_bytes(),
    }
    print(json.dumps(answer), flush=True)


main()
