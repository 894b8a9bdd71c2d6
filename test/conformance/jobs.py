"""Runs the jobs of a Python client one after the other, and prints each answer as one line of JSON. See program.ts.

    /usr/bin/python3 test/conformance/<client>.py URL PREFIX
"""

import datetime
import json
import os
import sys
import threading

url = sys.argv[1] if len(sys.argv) > 1 else "amqp://guest:guest@127.0.0.1:5672"
prefix = sys.argv[2] if len(sys.argv) > 2 else f"run{os.getpid()}"

SECONDS = 60  # a job that takes longer is ended: see program.ts
_place = 0
_jobs = []


def named(name):
    """Returns the name of a queue or exchange of this job."""
    return f"{prefix}-{_place}.{name}"


def job(title):
    """Registers a function as a job. Its result is the answer of the job."""

    def add(work):
        _jobs.append((title, work))
        return work

    return add


def run(on_threads=True):
    """Runs all jobs. A client with state per thread needs `on_threads=False`. A job that hangs is then not ended."""
    global _place
    only = os.environ.get("MQ_CONFORMANCE_JOB", "")
    for title, work in _jobs:
        _place += 1
        if only not in title:
            continue
        print(json.dumps({"job": title, "answer": _within(work) if on_threads else _done(work)}, default=_plain, ensure_ascii=False), flush=True)
    if on_threads:
        os._exit(0)  # otherwise a thread that hangs would keep the process running


def _within(work):
    # The job runs on a thread, because a client that hangs must not block the other jobs.
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
