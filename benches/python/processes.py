"""The jobs of the suite `processes` on Python's pools of processes.

processes.py JOB POOL NUMBER WORKERS, where POOL is one of executor, pool, loky, pebble (of `process`: how
it is started, fork or spawn), and JOB one of

  submit       NUMBER calls are submitted, then every result is taken
  round-trip   a call is submitted and its result taken, NUMBER times
  first        a new pool is made and one result taken, NUMBER times
  into         NUMBER bytes are given to a call, which reads one of each page; the fastest of five, the first
  out          a call gives NUMBER bytes back, of which one of each page is read; likewise
  abort        NUMBER calls, the one in the middle aborts its process; how many have no result, and how
               many of CALLS_AFTER calls afterwards have
  manager      NUMBER operations each on a dictionary and a list of a Manager (POOL says nothing)
  counter      NUMBER additions to a Value under its lock (POOL says nothing)
  queue        NUMBER numbers through a Queue from another process (POOL says nothing)
  process      a Process is started and joined, NUMBER times

Prints one line of JSON. Ends when standard input does, so that it does not outlive its parent.
"""

import concurrent.futures
import json
import multiprocessing
import os
import signal
import sys
import threading
import time

# How long the results of calls are waited for whose worker may be gone.
PATIENCE_S = 3.0

# How many calls a pool gets after one of its workers aborted.
CALLS_AFTER = 10

PAGE_BYTES = 4096


def end_with_parent():
    # Not through sys.stdin, whose lock a waiting thread would keep while the interpreter ends.
    while os.read(0, 4096):
        pass
    # The workers of some of these pools outlive their parent.
    os.killpg(0, signal.SIGKILL)


def identity(n):
    return n


def nothing():
    pass


def sum_of_pages(data):
    return sum(data[::PAGE_BYTES])


def bytes_of(count):
    return b"x" * count


def maybe_abort(job):
    n, victim = job
    if n == victim:
        os.abort()
    time.sleep(0.001)
    return n


def produce(queue, count):
    for n in range(count):
        queue.put(n)


class Executor:
    """concurrent.futures.ProcessPoolExecutor, and what looks like it."""

    def __init__(self, workers):
        self.inner = self.make(workers)

    @staticmethod
    def make(workers):
        return concurrent.futures.ProcessPoolExecutor(workers)

    def submit(self, f, argument):
        return self.inner.submit(f, argument)

    @staticmethod
    def result(handle, timeout=None):
        return handle.result(timeout)

    def end(self):
        self.inner.shutdown(wait=True)


class Loky(Executor):
    @staticmethod
    def make(workers):
        import loky

        return loky.ProcessPoolExecutor(workers)


class Pebble(Executor):
    @staticmethod
    def make(workers):
        import pebble

        return pebble.ProcessPool(max_workers=workers)

    def submit(self, f, argument):
        return self.inner.schedule(f, args=(argument,))

    def end(self):
        self.inner.stop()
        self.inner.join()


class Pool(Executor):
    @staticmethod
    def make(workers):
        return multiprocessing.Pool(workers)

    def submit(self, f, argument):
        return self.inner.apply_async(f, (argument,))

    @staticmethod
    def result(handle, timeout=None):
        return handle.get(timeout)

    def end(self):
        self.inner.terminate()
        self.inner.join()


POOLS = {"executor": Executor, "pool": Pool, "loky": Loky, "pebble": Pebble}


def warm(pool, workers):
    for handle in [pool.submit(identity, n) for n in range(100 * workers)]:
        pool.result(handle)


def submit(make, number, workers):
    pool = make(workers)
    warm(pool, workers)
    started = time.perf_counter()
    handles = [pool.submit(identity, n) for n in range(number)]
    total = sum(pool.result(handle) for handle in handles)
    elapsed = time.perf_counter() - started
    assert total == number * (number - 1) // 2
    pool.end()
    return {"rate": number / elapsed}


def round_trip(make, number, workers):
    pool = make(workers)
    warm(pool, workers)
    times = []
    begun = time.perf_counter()
    for n in range(number):
        started = time.perf_counter()
        assert pool.result(pool.submit(identity, n)) == n
        times.append((time.perf_counter() - started) * 1e6)
    rate = number / (time.perf_counter() - begun)
    times.sort()
    pool.end()
    return {"rate": rate, "p50": times[number // 2], "p99": times[number * 99 // 100]}


def first(make, number, workers):
    times = []
    for n in range(number):
        started = time.perf_counter()
        pool = make(workers)
        assert pool.result(pool.submit(identity, n)) == n
        times.append((time.perf_counter() - started) * 1e3)
        pool.end()
    times.sort()
    return {"ms": times[number // 2]}


def five_times(f):
    times = []
    for _ in range(5):
        started = time.perf_counter()
        f()
        times.append((time.perf_counter() - started) * 1e3)
    return {"ms": min(times), "first": times[0]}


def into(make, number, workers):
    pool = make(workers)
    warm(pool, workers)
    data = bytes_of(number)
    expected = sum_of_pages(data)

    def once():
        assert pool.result(pool.submit(sum_of_pages, data)) == expected

    answer = five_times(once)
    pool.end()
    return answer


def out(make, number, workers):
    pool = make(workers)
    warm(pool, workers)
    expected = sum_of_pages(bytes_of(number))

    def once():
        assert sum_of_pages(pool.result(pool.submit(bytes_of, number))) == expected

    answer = five_times(once)
    pool.end()
    return answer


def abort(make, number, workers):
    pool = make(workers)
    lost, handles = 0, []
    for n in range(number):
        try:
            handles.append(pool.submit(maybe_abort, (n, number // 2)))
        except Exception:
            lost += 1
    until = time.monotonic() + PATIENCE_S
    for handle in handles:
        try:
            pool.result(handle, max(until - time.monotonic(), 0.001))
        except Exception:
            lost += 1
    return {"lost": lost, "after": answered(pool)}


def answered(pool):
    """How many calls of CALLS_AFTER have a result."""
    handles = []
    for n in range(CALLS_AFTER):
        try:
            handles.append(pool.submit(identity, n))
        except Exception:
            pass
    until, count = time.monotonic() + PATIENCE_S, 0
    for handle in handles:
        try:
            pool.result(handle, max(until - time.monotonic(), 0.001))
            count += 1
        except Exception:
            pass
    return count


def manager(_make, number, _workers):
    with multiprocessing.Manager() as owner:
        table, items = owner.dict(), owner.list()
        started = time.perf_counter()
        for n in range(number):
            table[n % 100] = n
        sets = number / (time.perf_counter() - started)
        started = time.perf_counter()
        for n in range(number):
            table.get(n % 100)
        gets = number / (time.perf_counter() - started)
        started = time.perf_counter()
        for n in range(number):
            items.append(n)
        appends = number / (time.perf_counter() - started)
    return {"sets": sets, "gets": gets, "appends": appends}


def counter(_make, number, _workers):
    value = multiprocessing.Value("Q", 0)
    started = time.perf_counter()
    for _ in range(number):
        with value.get_lock():
            value.value += 1
    return {"ns": (time.perf_counter() - started) / number * 1e9}


def queue(_make, number, _workers):
    channel = multiprocessing.Queue()
    producer = multiprocessing.Process(target=produce, args=(channel, number))
    producer.start()
    total = channel.get()
    started = time.perf_counter()
    for _ in range(number - 1):
        total += channel.get()
    elapsed = time.perf_counter() - started
    producer.join()
    assert total == number * (number - 1) // 2
    return {"rate": number / elapsed}


def process(method, number, _workers):
    context = multiprocessing.get_context(method)
    times = []
    for _ in range(number):
        started = time.perf_counter()
        child = context.Process(target=nothing)
        child.start()
        child.join()
        times.append((time.perf_counter() - started) * 1e3)
    times.sort()
    return {"ms": times[number // 2]}


JOBS = {
    "submit": submit,
    "round-trip": round_trip,
    "first": first,
    "into": into,
    "out": out,
    "abort": abort,
    "manager": manager,
    "counter": counter,
    "queue": queue,
    "process": process,
}


def main():
    job, pool, number, workers = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
    os.setpgid(0, 0)
    threading.Thread(target=end_with_parent, daemon=True).start()
    print(json.dumps(JOBS[job](POOLS.get(pool, pool), number, workers)), flush=True)
    # Not by falling off the end: a broken pool may keep the interpreter for ever.
    sys.stdout.flush()
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    os.killpg(0, signal.SIGTERM)
    os._exit(0)


if __name__ == "__main__":
    main()
