"""Jobs of pika: each argument of queue.declare for each type of queue, and changes in a second declaration."""

from jobs import named
from pika_link import linked

LONG = 1 << 62
MILLISECONDS = 315_360_000_000
BOTH = ("classic", "quorum")
# Argument → types of queue that support it, and the values to declare. The other types are declared with the last value only.
VALUES = {
    "x-message-ttl": (BOTH, (-1, 0, "10", None, True, MILLISECONDS, MILLISECONDS + 1, LONG)),
    "x-expires": (BOTH, (-1, 0, "10", MILLISECONDS + 1, LONG)),
    "x-max-length": (BOTH, (-1, 0, "10", LONG)),
    "x-max-length-bytes": (BOTH, (-1, 0, "10", LONG)),
    "x-max-priority": (("classic",), (-1, 0, 256, "10", 5)),
    "x-overflow": (BOTH, ("drop-head", "reject-publish", "reject-publish-dlx", "other", 1)),
    "x-dead-letter-exchange": (BOTH, ("", "missing", 1)),
    "x-dead-letter-routing-key": (BOTH, ("key", 1)),
    "x-dead-letter-strategy": (("quorum",), ("at-most-once", "at-least-once", "always", 1, "at-most-once")),
    "x-single-active-consumer": (BOTH, (True, "true", 1)),
    "x-queue-mode": (("classic",), ("default", "lazy", "other")),
    "x-queue-version": (("classic",), (0, 1, 3, "2", 2)),
    "x-queue-leader-locator": (BOTH, ("client-local", "balanced", "least-leaders", "moon", 1)),
    "x-queue-master-locator": (("classic",), ("client-local",)),
    "x-delivery-limit": (("quorum",), (-1, 0, "5", 5)),
    "x-quorum-initial-group-size": (("quorum",), (-1, 0, "1", 1)),
    "x-consumer-timeout": (("quorum",), (-1, 0, "1000", 1000)),
    "x-consumer-disconnected-timeout": (("quorum",), (-1, 0, "1000", 1000)),
    "x-delayed-retry-type": (("quorum",), ("disabled", "other", 1, "disabled")),
    "x-delayed-retry-min": (("quorum",), (-1, 0, "1000", 1000)),
    "x-delayed-retry-max": (("quorum",), (-1, 0, "1000", 1000)),
    "x-max-in-memory-length": (("quorum",), (-1, "3", 3)),
    "x-max-in-memory-bytes": (("quorum",), (-1, "3", 3)),
    "x-max-age": ((), ("1D",)),
    "x-stream-max-segment-size-bytes": ((), (1000,)),
    "x-stream-filter-size-bytes": ((), (16,)),
    "x-initial-cluster-size": ((), (1,)),
    "x-quorum-target-group-size": ((), (1,)),
    "x-of-ones-own": ((), ([1],)),
}


def declared(title, kind, first, second=None):
    """Adds a job that declares a queue, declares it again with the arguments `second` if they are set, and deletes it."""

    @linked(title)
    def _(channel, connection):
        def declare(arguments):
            channel.queue_declare(named("q"), durable=True, arguments={**arguments, "x-queue-type": kind})

        try:
            declare(first)
            if second is not None:
                declare(second)
        finally:
            if connection.is_open:
                connection.channel().queue_delete(named("q"))
        return "ok"


for kind in BOTH:
    for name, (kinds, values) in VALUES.items():
        for value in dict.fromkeys(values) if kind in kinds else values[-1:]:
            declared(f"queue.declare {kind} {name}={value!r}", kind, {name: value})

PAIRS = (
    ("x-message-ttl", 10, LONG),
    ("x-message-ttl", 10, 11),
    ("x-message-ttl", 10, None),
    ("x-max-length", 10, LONG),
    ("x-overflow", "drop-head", "reject-publish"),
    ("x-single-active-consumer", True, False),
    ("x-queue-leader-locator", "client-local", "balanced"),
    ("x-dead-letter-exchange", "a", "b"),
    ("x-dead-letter-strategy", "at-most-once", "at-least-once"),
    ("x-delivery-limit", 5, 6),
    ("x-quorum-initial-group-size", 1, 3),
    ("x-quorum-target-group-size", 1, 3),
    ("x-queue-mode", "default", "lazy"),
    ("x-queue-version", 2, 1),
    ("x-max-in-memory-length", 3, 4),
    ("x-consumer-timeout", 1000, 2000),
    ("x-of-ones-own", 1, 2),
)

for kind in BOTH:
    for name, first, second in PAIRS:
        declared(f"queue.declare {kind} again, {name}={first!r}, then {second!r}", kind, {name: first}, {name: second})
        declared(f"queue.declare {kind} again, {name}={second!r} added", kind, {}, {name: second})


@linked("queue.declare again, x-queue-type")
def _(channel, connection):
    def declare(*arguments):
        name = named("q")
        for each in arguments:
            try:
                here = connection.channel()
                here.queue_declare(name, durable=True, arguments=each)
                yield "ok"
            except Exception as error:
                yield [error.reply_code, error.reply_text]
        connection.channel().queue_delete(name)

    classic, quorum = {"x-queue-type": "classic"}, {"x-queue-type": "quorum"}
    return [list(declare({}, classic, quorum)), list(declare(quorum, {}, classic, quorum))]


for value in ("", "moon", "CLASSIC", 1, None):

    def add(value):
        @linked(f"queue.declare x-queue-type={value!r}")
        def _(channel, connection):
            try:
                channel.queue_declare(named("q"), durable=True, arguments={"x-queue-type": value})
            finally:
                connection.channel().queue_delete(named("q"))
            return "ok"

    add(value)
