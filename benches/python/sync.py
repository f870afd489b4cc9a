"""The jobs of the suite `sync` on Python's threading and queue.

sync.py lock COUNT                        takes a lock and releases it; nanoseconds each
sync.py rlock COUNT                       takes a re-entrant lock twice and releases it; nanoseconds each
sync.py semaphore COUNT                   two threads give each other permits; how many a second
sync.py event COUNT                       the same with events
sync.py condition COUNT                   the same with a condition
sync.py queue COUNT ROOM PRODUCERS        as many consumers; ROOM 0: any number; items a second

Prints one line of JSON. Ends when standard input does, so that it does not outlive its parent.
"""

import json
import os
import queue
import sys
import threading
import time


def end_with_parent():
    # Not through sys.stdin, whose lock a waiting thread would keep while the interpreter ends.
    while os.read(0, 4096):
        pass
    os._exit(3)


def lock(count):
    one, total = threading.Lock(), 0
    started = time.perf_counter()
    for _ in range(count):
        with one:
            total += 1
    elapsed = time.perf_counter() - started
    assert total == count
    return elapsed / count * 1e9


def rlock(count):
    one, total = threading.RLock(), 0
    started = time.perf_counter()
    for _ in range(count):
        with one:
            with one:
                total += 1
    elapsed = time.perf_counter() - started
    assert total == count
    return elapsed / count * 1e9


def by_turns(count, first, second):
    """Two threads; each returns the sum of its numbers."""
    sums = []
    threads = [
        threading.Thread(target=lambda: sums.append(first(range(0, count, 2)))),
        threading.Thread(target=lambda: sums.append(second(range(1, count, 2)))),
    ]
    started = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    elapsed = time.perf_counter() - started
    assert sum(sums) == count * (count - 1) // 2
    return count / elapsed


def semaphore(count):
    one, other = threading.Semaphore(1), threading.Semaphore(0)

    def turns(mine, theirs):
        def run(numbers):
            total = 0
            for number in numbers:
                mine.acquire()
                total += number
                theirs.release()
            return total

        return run

    return by_turns(count, turns(one, other), turns(other, one))


def event(count):
    one, other = threading.Event(), threading.Event()
    one.set()

    def turns(mine, theirs):
        def run(numbers):
            total = 0
            for number in numbers:
                mine.wait()
                mine.clear()
                total += number
                theirs.set()
            return total

        return run

    return by_turns(count, turns(one, other), turns(other, one))


def condition(count):
    changed, upcoming = threading.Condition(), [0]

    def run(numbers):
        total = 0
        for number in numbers:
            with changed:
                changed.wait_for(lambda: upcoming[0] == number)
                upcoming[0] += 1
                total += number
                changed.notify()
        return total

    return by_turns(count, run, run)


def through_queue(count, room, producers):
    items, sums = queue.Queue(room), []

    def put(numbers):
        for number in numbers:
            items.put(number)

    def add_up():
        sums.append(sum(items.get() for _ in range(count // producers)))

    threads = [threading.Thread(target=add_up) for _ in range(producers)]
    threads += [
        threading.Thread(target=put, args=(range(at, count, producers),)) for at in range(producers)
    ]
    started = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    elapsed = time.perf_counter() - started
    assert sum(sums) == count * (count - 1) // 2
    return count / elapsed


def main():
    threading.Thread(target=end_with_parent, daemon=True).start()
    jobs = {job.__name__: job for job in [lock, rlock, semaphore, event, condition]}
    job = {**jobs, "queue": through_queue}[sys.argv[1]]
    print(json.dumps({"figure": job(*map(int, sys.argv[2:]))}), flush=True)
    os._exit(0)


main()
