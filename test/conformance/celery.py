"""Jobs of Celery: a worker, tasks and their results over the RPC backend."""

import subprocess
import sys

here = sys.path.pop(0)  # this file has the same name as the package
import celery  # noqa: E402
import celery.exceptions  # noqa: E402
import kombu  # noqa: E402

sys.path.insert(0, here)
from jobs import SECONDS, job, named, run, url  # noqa: E402

app = celery.Celery("conformance", broker=url, backend="rpc://")
app.conf.update(
    task_default_queue=named("tasks"),
    task_queues=[kombu.Queue(named("tasks"), expires=60), kombu.Queue(named("ranked"), expires=60, max_priority=5)],
    task_create_missing_queues=True,
    broker_connection_retry_on_startup=False,
    event_queue_prefix=named("events"),
    control_exchange=named("control"),
    worker_prefetch_multiplier=1,
    worker_hijack_root_logger=False,
    task_acks_late=True,
    result_persistent=False,
)
worker = None


@app.task(name="add")
def add(a, b):
    return a + b


@app.task(name="fail")
def fail(text):
    raise ValueError(text)


@app.task(name="retry", bind=True, max_retries=2)
def retry(self):
    if self.request.retries < 2:
        raise self.retry(countdown=0)
    return self.request.retries


if sys.argv[3:] == ["worker"]:
    app.worker_main(["--quiet", "worker", "--pool=solo", "--loglevel=CRITICAL", "--without-gossip", "--without-mingle"])
    sys.exit()


@job("worker starts and answers")
def starts():
    global worker
    worker = subprocess.Popen([sys.executable, "-B", __file__, *sys.argv[1:3], "worker"], stdin=subprocess.DEVNULL, stdout=sys.stderr)
    return add.delay(1, 2).get(timeout=SECONDS)


@job("task with a result")
def result():
    return add.delay(2, 3).get(timeout=SECONDS)


@job("task that fails")
def failure():
    try:
        fail.delay("on purpose").get(timeout=SECONDS)
    except ValueError as error:
        return str(error)


@job("task that is retried")
def tried_again():
    return retry.delay().get(timeout=SECONDS)


@job("task with a countdown")
def countdown():
    return add.apply_async((1, 1), countdown=0.2).get(timeout=SECONDS)


@job("task that has expired")
def expired():
    try:
        return add.apply_async((1, 1), expires=-1).get(timeout=SECONDS)
    except celery.exceptions.TaskRevokedError as error:
        return type(error).__name__


@job("group and chain")
def canvas():
    return [celery.group(add.s(i, i) for i in range(5))().get(timeout=SECONDS), (add.s(1, 2) | add.s(10)).delay().get(timeout=SECONDS)]


@job("task on a queue with priorities")
def priority():
    return add.apply_async((4, 4), queue=app.conf.task_queues[1].name, priority=3).get(timeout=SECONDS)


@job("remote control: ping")
def ping():
    return [list(answer.values()) for answer in app.control.ping(timeout=SECONDS, limit=1)]


@job("purge")
def purge():
    return app.control.purge()


@job("worker ends")
def ends():
    worker.terminate()
    return worker.wait(timeout=SECONDS)


try:
    run(on_threads=False)
finally:
    if worker is not None:
        worker.kill()
