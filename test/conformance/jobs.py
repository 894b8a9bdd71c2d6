"""What the Python programs have in common: jobs in turn, each answer one line of JSON. See program.ts.

    /usr/bin/python3 test/conformance/<client>.py URL PREFIX
"""

import datetime
import json
import os
import sys
import threading

url = sys.argv[1] if len(sys.argv) > 1 else "amqp://guest:guest@127.0.0.1:5672"
prefix = sys.argv[2] if len(sys.argv) > 2 else f"run{os.getpid()}"

SECONDS = 60  # ends only a job that hangs: see program.ts
_place = 0
_jobs = []


def named(name):
    """The name of the job's own queue or exchange."""
    return f"{prefix}-{_place}.{name}"


def job(title):
    """Makes a function a job; what it gives back is the answer."""

    def add(work):
        _jobs.append((title, work))
        return work

    return add


def run(on_threads=True):
    """Without threads the jobs have to end by themselves: for a client that keeps something for each thread."""
    global _place
    only = os.environ.get("MQ_CONFORMANCE_JOB", "")
    for title, work in _jobs:
        _place += 1
        if only not in title:
            continue
        print(json.dumps({"job": title, "answer": _within(work) if on_threads else _done(work)}, default=_plain, ensure_ascii=False), flush=True)
    if on_threads:
        os._exit(0)  # a thread that hangs must not keep the process


def _within(work):
    # On a thread: a client that waits without end must not keep the others from their turn.
    got = {"silent": f"{SECONDS * 1000} ms"}

    def do():
        nonlocal got
        got = _done(work)

    thread = threading.Thread(target=do, daemon=True)
    thread.start()
    thread.join(SECONDS)
    return got


def _done(work):
    try:
        return work()
    except Exception as error:
        return {"threw": f"{type(error).__name__}: {error}"}


def _plain(value):
    if isinstance(value, (bytes, bytearray)):
        return value.decode("utf-8", "backslashreplace")
    if isinstance(value, datetime.datetime):
        return value.isoformat()
    return str(value)
