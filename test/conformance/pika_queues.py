"""Jobs of pika: counts, expiry, length limits and requeues of queues, and the choice among several consumers."""

import pika

from jobs import named
from pika_link import bodies, connect, linked, put, queue, take

KINDS = ("classic", "quorum")


def count(channel, name):
    return channel.queue_declare(name, passive=True).method.message_count


def durable(channel, connection, kind, **arguments):
    """Declares a durable queue that expires when it is unused, and enables confirms on the channel.

    Without confirms, RabbitMQ may count the messages of a queue before it has stored the last one.
    """
    channel.confirm_delivery()
    given = {key.replace("_", "-"): value for key, value in arguments.items()}
    name = named("q")
    channel.queue_declare(name, durable=True, arguments={"x-queue-type": kind, "x-expires": 60_000, **given})
    return name


def both(title):
    """Adds a job for each type of queue. The function receives the type as its third argument."""

    def add(work):
        for kind in KINDS:
            linked(f"{kind}: {title}")(lambda channel, connection, kind=kind: work(channel, connection, kind))

    return add


def expired(connection, milliseconds):
    """Waits for this time by the broker's clock: a message in another queue has to expire first."""
    channel = connection.channel()
    after = channel.queue_declare("", exclusive=True).method.queue
    arguments = {"x-dead-letter-exchange": "", "x-dead-letter-routing-key": after, "x-message-ttl": milliseconds}
    before = channel.queue_declare("", exclusive=True, arguments=arguments).method.queue
    put(channel, before, "time")
    take(channel, after)


def get(channel, name):
    method, _, body = channel.basic_get(name)
    return method and [body.decode(), method.redelivered, method.message_count]


def received(connection, got, length):
    """Waits until `got` has this length."""
    while len(got) < length:
        connection.process_data_events(time_limit=0.1)


def ready(channel, name, length):
    """Waits until the queue has this many ready messages."""
    while count(channel, name) != length:
        pass


@both("expired messages behind an unexpired head")
def _(channel, connection, kind):
    name = durable(channel, connection, kind)
    put(channel, name, "head")
    put(channel, name, "short", "shorter", expiration="50")
    counts = [count(channel, name)]
    expired(connection, 300)
    counts.append(count(channel, name))
    counts.append(get(channel, name))
    ready(channel, name, 0)
    channel.basic_nack(1, requeue=True)
    return [*counts, get(channel, name)]


@both("expired messages behind a head that has expired")
def _(channel, connection, kind):
    name = durable(channel, connection, kind)
    put(channel, name, "long", expiration="60000")
    first = get(channel, name)
    put(channel, name, "short", expiration="100")
    put(channel, name, "last")
    ready(channel, name, 1)
    found = [first, get(channel, name), count(channel, name)]
    channel.basic_nack(1, requeue=True)
    return [*found, get(channel, name), count(channel, name)]


@both("an expired message is requeued")
def _(channel, connection, kind):
    name = durable(channel, connection, kind)
    got = []
    channel.basic_qos(prefetch_count=2)
    # The consumer exists first, so that it receives the message before the message expires.
    channel.basic_consume(name, lambda _c, method, _p, body: got.append([body.decode(), method.redelivered]), consumer_tag="tag")
    put(channel, name, "short", expiration="100")
    put(channel, name, "next", "last")
    received(connection, got, 2)
    channel.basic_cancel("tag")
    expired(connection, 300)
    channel.basic_nack(1, requeue=True)
    channel.basic_nack(2, requeue=True)
    return [*got, bodies(channel, name)]


@both("the next message expires after basic.get")
def _(channel, connection, kind):
    dead = queue(channel, "dead")
    name = durable(channel, connection, kind, x_dead_letter_exchange="", x_dead_letter_routing_key=dead)
    put(channel, name, "first")
    put(channel, name, "next", expiration="50")
    first = get(channel, name)
    return [first[0], take(channel, dead)["body"]]


@both("a requeued message keeps its expiration")
def _(channel, connection, kind):
    dead = queue(channel, "dead")
    name = durable(channel, connection, kind, x_dead_letter_exchange="", x_dead_letter_routing_key=dead)
    got = []
    channel.basic_qos(prefetch_count=1)
    channel.basic_consume(name, lambda _c, method, _p, body: got.append(method.delivery_tag), consumer_tag="tag")
    put(channel, name, "short", expiration="300")
    received(connection, got, 1)
    channel.basic_cancel("tag")
    channel.basic_nack(got[0], requeue=True)
    return take(channel, dead)["body"]


@both("a requeue over the maximum length")
def _(channel, connection, kind):
    dead = queue(channel, "dead")
    name = durable(channel, connection, kind, x_max_length=2, x_dead_letter_exchange="", x_dead_letter_routing_key=dead)
    put(channel, name, "1", "2")
    got = [get(channel, name), get(channel, name)]
    put(channel, name, "3", "4")
    before = count(channel, name)
    channel.basic_nack(2, multiple=True, requeue=True)
    left = bodies(channel, name)
    ready(channel, dead, 2)
    return [got, before, left, sorted(body for body, _ in bodies(channel, dead))]


@both("the maximum length ignores unacknowledged messages")
def _(channel, connection, kind):
    name = durable(channel, connection, kind, x_max_length=2)
    put(channel, name, "1", "2", "3", "4")
    return [get(channel, name), get(channel, name), count(channel, name), bodies(channel, name)]


@linked("quorum: x-delayed-retry-type delays a requeued message")
def _(channel, connection):
    arguments = {"x-delayed-retry-type": "all", "x-delayed-retry-min": 30_000, "x-delayed-retry-max": 30_000}
    name = named("q")
    channel.confirm_delivery()
    channel.queue_declare(name, durable=True, arguments={"x-queue-type": "quorum", "x-expires": 60_000, **arguments})
    put(channel, name, "x")
    method, _, _ = channel.basic_get(name)
    channel.basic_reject(method.delivery_tag, requeue=True)
    return bodies(channel, name)


@linked("x-priority beyond 2^53")
def _(channel, connection):
    name = queue(channel, "q")
    got = []
    for place, priority in enumerate((1 << 53, (1 << 53) + 1, (1 << 62))):
        channel.basic_consume(name, lambda _c, _m, _p, _b, place=place: got.append(place), auto_ack=True, arguments={"x-priority": priority})
    put(channel, name, "x")
    received(connection, got, 1)
    return got


# Acknowledgements and bindings


def acknowledged(title, *steps):
    """Adds a job that gets five messages, settles them in these steps (tag, multiple, is a nack), and requeues the rest."""

    @linked(f"acknowledgements: {title}")
    def _(channel, connection):
        name = queue(channel, "q")
        put(channel, name, *"12345")
        for _ in range(5):
            channel.basic_get(name)
        for tag, multiple, is_nack in steps:
            if is_nack:
                channel.basic_nack(tag, multiple=multiple, requeue=False)
            else:
                channel.basic_ack(tag, multiple=multiple)
        channel.basic_recover(requeue=True)
        return bodies(channel, name)


acknowledged("a tag twice", (3, False, False), (3, False, False))
acknowledged("multiple on a settled tag", (3, False, False), (3, True, False))
acknowledged("multiple above a settled tag", (3, False, False), (4, True, False))
acknowledged("multiple below all remaining tags", (3, True, False), (2, True, False))
acknowledged("multiple above the last tag", (9, True, False))
acknowledged("nack with multiple on a settled tag", (3, False, False), (3, True, True))
acknowledged("all, and all again", (0, True, False), (0, True, False))


@linked("queue.unbind with the arguments in another order")
def _(channel, connection):
    name = queue(channel, "q")
    channel.queue_bind(name, "amq.direct", name, {"a": 1, "b": "two"})
    channel.queue_bind(name, "amq.direct", name, {"b": "two", "a": 1})
    channel.basic_publish("amq.direct", name, "bound")
    channel.queue_unbind(name, "amq.direct", name, {"b": "two", "a": 1})
    channel.basic_publish("amq.direct", name, "not bound")
    return bodies(channel, name)


@linked("queue.unbind of another connection's exclusive queue")
def _(channel, connection):
    owner = connect()
    try:
        own = owner.channel()
        name = queue(own, "q")
        own.queue_bind(name, "amq.direct", name)
        channel.queue_unbind(name, "amq.direct", "never bound")
        channel.queue_unbind(name, "amq.direct", name)
        channel.basic_publish("amq.direct", name, "not bound")
        return bodies(own, name)
    finally:
        owner.close()


# Single active and exclusive consumers


@both("single active consumer: cancelled with unacknowledged messages")
def _(channel, connection, kind):
    name = durable(channel, connection, kind, x_single_active_consumer=True)
    got = []
    other = connection.channel()
    for tag, where in (("a", channel), ("b", other)):
        where.basic_qos(prefetch_count=3)
        where.basic_consume(name, lambda c, m, _p, body, tag=tag: got.append([tag, body.decode(), m.redelivered]), consumer_tag=tag)
    put(channel, name, *"0123456789")
    received(connection, got, 3)
    channel.basic_cancel("a")
    received(connection, got, 6)
    before = list(got)
    channel.close()
    # RabbitMQ returns the messages of a closed channel after it has answered channel.close.
    ready(other, name, 7)
    # b acknowledges its three messages and receives the next three.
    other.basic_ack(3, multiple=True)
    received(connection, got, 9)
    return [before, got[6:]]


@both("single active consumer: its channel closes")
def _(channel, connection, kind):
    name = durable(channel, connection, kind, x_single_active_consumer=True)
    got = []
    other = connection.channel()
    for tag, where in (("a", channel), ("b", other)):
        where.basic_qos(prefetch_count=3)
        where.basic_consume(name, lambda c, m, _p, body, tag=tag: got.append([tag, body.decode(), m.redelivered]), consumer_tag=tag)
    put(channel, name, *"012345")
    received(connection, got, 3)
    channel.close()
    received(connection, got, 6)
    other.basic_ack(3, multiple=True)
    received(connection, got, 9)
    return got


@both("single active consumer: cancelled without a prefetch")
def _(channel, connection, kind):
    name = durable(channel, connection, kind, x_single_active_consumer=True)
    got = []
    other = connection.channel()
    channel.basic_qos(prefetch_count=3)
    for tag, where in (("a", channel), ("b", other)):
        where.basic_consume(name, lambda c, m, _p, body, tag=tag: got.append([tag, body.decode(), m.redelivered]), consumer_tag=tag)
    put(channel, name, *"012345")
    received(connection, got, 3)
    channel.basic_cancel("a")
    received(connection, got, 6)
    channel.close()
    received(connection, got, 9)
    put(other, name, "after")
    received(connection, got, 10)
    return got


@both("single active consumer: a higher priority arrives")
def _(channel, connection, kind):
    name = durable(channel, connection, kind, x_single_active_consumer=True)
    got = []
    channel.basic_qos(prefetch_count=1)

    def consume(tag, priority):
        def on_message(c, method, _p, body):
            got.append([tag, body.decode(), method.redelivered])
            c.basic_ack(method.delivery_tag)

        channel.basic_consume(name, on_message, consumer_tag=tag, arguments={"x-priority": priority})

    consume("low", 1)
    put(channel, name, "1")
    received(connection, got, 1)
    consume("high", 5)
    put(channel, name, "2")
    received(connection, got, 2)
    consume("higher", 9)
    consume("lowest", 0)
    channel.basic_cancel("high")
    put(channel, name, "3")
    received(connection, got, 3)
    return got


@both("single active consumer: an exclusive consumer")
def _(channel, connection, kind):
    name = durable(channel, connection, kind, x_single_active_consumer=True)
    return channel.basic_consume(name, lambda *_: None, exclusive=True, consumer_tag="tag")


@both("single active consumer: basic.get")
def _(channel, connection, kind):
    name = durable(channel, connection, kind, x_single_active_consumer=True)
    put(channel, name, "x")
    return get(channel, name)


@both("a second consumer beside an exclusive one")
def _(channel, connection, kind):
    name = durable(channel, connection, kind)
    channel.basic_consume(name, lambda *_: None, exclusive=True, consumer_tag="first")
    return connection.channel().basic_consume(name, lambda *_: None, consumer_tag="second")


@both("an exclusive consumer beside another")
def _(channel, connection, kind):
    name = durable(channel, connection, kind)
    channel.basic_consume(name, lambda *_: None, consumer_tag="first")
    return connection.channel().basic_consume(name, lambda *_: None, exclusive=True, consumer_tag="second")


# basic.qos with global


def shares(channel, connection, names, consumers, acks):
    """Acknowledges `acks` deliveries. Returns how many of them each consumer received."""
    got = {}
    total = 0

    def on_message(tag):
        def act(c, method, _p, _b):
            nonlocal total
            if total >= acks:
                return
            total += 1
            got[tag] = got.get(tag, 0) + 1
            c.basic_ack(method.delivery_tag)

        return act

    for place in range(consumers):
        name = names[place % len(names)]
        channel.basic_consume(name, on_message(place), consumer_tag=str(place))
    while total < acks:
        connection.process_data_events(time_limit=0.1)
    return [got.get(place, 0) for place in range(consumers)]


@linked("basic.qos global serves every queue")
def _(channel, connection):
    names = [queue(channel, f"q{place}") for place in range(3)]
    for name in names:
        put(channel, name, *["x"] * 100)
    channel.basic_qos(prefetch_count=1, global_qos=True)
    return [share > 10 for share in shares(channel, connection, names, 3, 99)]


@linked("basic.qos global serves every consumer")
def _(channel, connection):
    name = queue(channel, "q")
    put(channel, name, *["x"] * 20)
    channel.basic_qos(prefetch_count=1, global_qos=True)
    return [share > 2 for share in shares(channel, connection, [name], 2, 10)]


@linked("quorum reject-publish: a publish after a full queue has delivered one message")
def _(channel, connection):
    name = named("q")
    arguments = {"x-queue-type": "quorum", "x-expires": 60_000, "x-max-length": 3, "x-overflow": "reject-publish"}
    channel.queue_declare(name, durable=True, arguments=arguments)
    channel.confirm_delivery()

    def is_taken():
        try:
            channel.basic_publish("", name, "x")
            return True
        except pika.exceptions.NackError:
            return False

    while is_taken():
        pass
    channel.basic_get(name, auto_ack=True)
    return is_taken()
