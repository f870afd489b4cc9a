"""The jobs of the suite `coroutines` on gevent and greenlet.

coroutines.py spawn-join COUNT -      starts one and waits for its result, again and again
coroutines.py spawn-batch COUNT SIZE  starts SIZE at a time, then waits for all of them
coroutines.py yields COUNT AMONG      AMONG of them let each other go first
coroutines.py asleep COUNT 1          so many asleep at the same time
coroutines.py switch-loop COUNT -     two greenlets that count and switch to each other at each step
coroutines.py sequence COUNT -        the same two loops, one after the other
coroutines.py echo -                  a server that answers in upper case

Prints one line of JSON, the server its address. Ends when standard input does, so that it does not
outlive its parent.
"""

import json
import os
import resource
import sys
import threading
import time

import gevent
from greenlet import greenlet


def end_with_parent():
    # Not through sys.stdin, whose lock a waiting thread would keep while the interpreter ends.
    while os.read(0, 4096):
        pass
    os._exit(3)


def ns_each(count, work):
    started = time.process_time()
    work()
    return {"ns": (time.process_time() - started) / count * 1e9}


def identity(n):
    return n


def spawn_join(count, _):
    def work():
        assert sum(gevent.spawn(identity, n).get() for n in range(count)) == count * (count - 1) // 2

    return ns_each(count, work)


def spawn_batch(count, size):
    def batch():
        started = [gevent.spawn(identity, n) for n in range(size)]
        gevent.joinall(started)
        assert sum(one.value for one in started) == size * (size - 1) // 2

    return ns_each(count // size * size, lambda: [batch() for _ in range(count // size)])


def yields(count, among):
    def turns():
        for _ in range(count // among):
            gevent.sleep(0)

    def work():
        gevent.joinall([gevent.spawn(turns) for _ in range(among)])

    return ns_each(count // among * among, work)


def memory():
    with open("/proc/self/status") as status:
        fields = dict(line.split(":", 1) for line in status)
    return tuple(int(fields[name].split()[0]) * 1024 for name in ("VmRSS", "VmPTE"))


def asleep(count, _):
    resident, tables = memory()
    begun = []

    def nap():
        begun.append(None)
        gevent.sleep(3600)

    sleepers = [gevent.spawn(nap) for _ in range(count)]
    while len(begun) < count:
        gevent.sleep(0.001)
    resident_now, tables_now = memory()
    assert len(sleepers) == count
    return {
        "bytes_each": (resident_now - resident) / count,
        "table_bytes_each": (tables_now - tables) / count,
    }


def switch_loop(count, _):
    """The sum in one, the product in the other; the product of what starts at 0 stays 0."""

    def add():
        total = 1
        for n in range(count // 2):
            total += n
            second.switch()

    def multiply():
        total = 1
        for n in range(count // 2):
            total *= n
            first.switch()

    first, second = greenlet(add), greenlet(multiply)
    return ns_each(count, first.switch)


def sequence(count, _):
    def add():
        total = 1
        for n in range(count // 2):
            total += n

    def multiply():
        total = 1
        for n in range(count // 2):
            total *= n

    return ns_each(count, lambda: (add(), multiply()))


def echo():
    from gevent.server import StreamServer

    def answer(connection, _):
        while received := connection.recv(1024):
            connection.sendall(received.upper())

    server = StreamServer(("127.0.0.1", 0), answer, backlog=1024)
    server.start()
    print(f"127.0.0.1:{server.server_port}", flush=True)
    server.serve_forever()


def main():
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    threading.Thread(target=end_with_parent, daemon=True).start()
    if sys.argv[1] == "echo":
        return echo()
    jobs = [spawn_join, spawn_batch, yields, asleep, switch_loop, sequence]
    job = {job.__name__.replace("_", "-"): job for job in jobs}[sys.argv[1]]
    count, size = (0 if word == "-" else int(word) for word in sys.argv[2:4])
    print(json.dumps(job(count, size)), flush=True)
    os._exit(0)


main()
