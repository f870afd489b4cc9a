"""The jobs of the suite `executors` on Python's ThreadPoolExecutor.

executors.py submit-result TASKS WORKERS: submits so many calls, then takes every result.
executors.py round-trip TASKS WORKERS: submits a call and takes its result, again and again.

Prints one line of JSON. Ends when standard input does, so that it does not outlive its parent.
"""

import json
import os
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor


def end_with_parent():
    # Not through sys.stdin, whose lock a waiting thread would keep while the interpreter ends.
    while os.read(0, 4096):
        pass
    os._exit(3)


def identity(n):
    return n


def submit_result(pool, tasks):
    started = time.perf_counter()
    futures = [pool.submit(identity, n) for n in range(tasks)]
    total = sum(future.result() for future in futures)
    elapsed = time.perf_counter() - started
    assert total == tasks * (tasks - 1) // 2
    return {"rate": tasks / elapsed}


def round_trip(pool, tasks):
    times = []
    for n in range(tasks):
        started = time.perf_counter()
        pool.submit(identity, n).result()
        times.append((time.perf_counter() - started) * 1e6)
    times.sort()
    return {"p50": times[tasks // 2], "p99": times[tasks * 99 // 100]}


def main():
    job, tasks, workers = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    threading.Thread(target=end_with_parent, daemon=True).start()
    with ThreadPoolExecutor(workers) as pool:
        list(pool.map(identity, range(100 * workers)))  # the threads are there
        answer = {"submit-result": submit_result, "round-trip": round_trip}[job](pool, tasks)
    print(json.dumps(answer), flush=True)


main()
