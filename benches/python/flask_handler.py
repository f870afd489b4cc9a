"""A web handler in Flask that hands three blocking calls to one pool and waits for all of them.

flask_handler.py POOL_SIZE FIRST_MS SECOND_MS THIRD_MS, with pool size 0 for Python's default.

Prints its address as the first line. Ends when standard input does, so that it does not outlive
its parent.
"""

import logging
import os
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

from flask import Flask
from werkzeug.serving import make_server

SIZE, *LATENCIES_MS = (int(word) for word in sys.argv[1:5])
pool = ThreadPoolExecutor(SIZE or None)
app = Flask(__name__)


def end_with_parent():
    while os.read(0, 4096):
        pass
    os._exit(3)


def blocking_call(milliseconds):
    time.sleep(milliseconds / 1000)
    return milliseconds


@app.route("/")
def handler():
    calls = [pool.submit(blocking_call, milliseconds) for milliseconds in LATENCIES_MS]
    return str(sum(call.result() for call in calls))


def main():
    logging.getLogger("werkzeug").disabled = True
    threading.Thread(target=end_with_parent, daemon=True).start()
    server = make_server("127.0.0.1", 0, app, threaded=True)
    print(f"http://127.0.0.1:{server.server_port}", flush=True)
    server.serve_forever()


main()
