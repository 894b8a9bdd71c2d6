"""Jobs of pika: RabbitMQ's own exchange types, and dead letters whose headers x-death, CC or BCC come from a client."""

import pika

from jobs import named
from pika_link import bodies, linked, put, queue, take


@linked("exchange.declare types")
def _(channel, connection):
    found = {}
    for kind in ("x-local-random", "x-consistent-hash", "", "DIRECT"):
        try:
            here = connection.channel()
            here.exchange_declare(named("e"), exchange_type=kind, auto_delete=True)
            here.exchange_delete(named("e"))
            found[kind] = "ok"
        except Exception as error:
            found[kind] = [error.reply_code, error.reply_text]
    return found


@linked("a route through an exchange of another type depends on the message")
def _(channel, connection):
    for name, kind in (("d", "direct"), ("h", "headers")):
        channel.exchange_declare(named(name), exchange_type=kind, auto_delete=True)
    channel.exchange_bind(named("h"), named("d"), "key")
    names = [queue(channel, f"q{place}") for place in range(2)]
    for place, name in enumerate(names):
        channel.queue_bind(name, named("h"), "", {"n": place})
    for place in (0, 1, 0, 1, 2):
        channel.basic_publish(named("d"), "key", str(place), pika.BasicProperties(headers={"n": place}))
    return [bodies(channel, name) for name in names]


@linked("x-local-random sends to one of its queues")
def _(channel, connection):
    channel.exchange_declare(named("e"), exchange_type="x-local-random", auto_delete=True)
    names = [queue(channel, f"q{place}") for place in range(3)]
    for name in names:
        channel.queue_bind(name, named("e"), "")
    for _ in range(100):
        channel.basic_publish(named("e"), "whatever", "x")
    counts = [len(bodies(channel, name)) for name in names]
    return [sum(counts), all(counts)]


@linked("x-modulus-hash sends a key to one of its queues")
def _(channel, connection):
    channel.exchange_declare(named("e"), exchange_type="x-modulus-hash", auto_delete=True)
    names = [queue(channel, f"q{place}") for place in range(3)]
    for name in names:
        channel.queue_bind(name, named("e"), f"key of {name}")
    for place in range(100):
        channel.basic_publish(named("e"), str(place % 20), str(place % 20))
    found = [{body for body, _ in bodies(channel, name)} for name in names]
    return [sum(len(keys) for keys in found), all(found)]


for kind in ("x-local-random", "x-modulus-hash"):

    def add(kind):
        @linked(f"{kind} without queues")
        def _(channel, connection):
            channel.confirm_delivery()
            channel.exchange_declare(named("e"), exchange_type=kind, auto_delete=True)
            try:
                channel.basic_publish(named("e"), "key", "x", mandatory=True)
            except pika.exceptions.UnroutableError as error:
                return error.messages[0].method.reply_code

        @linked(f"{kind}: a queue bound twice, an exchange bound")
        def _(channel, connection):
            channel.exchange_declare(named("e"), exchange_type=kind, auto_delete=True)
            channel.exchange_declare(named("f"), exchange_type="fanout", auto_delete=True)
            name = queue(channel, "q")
            channel.queue_bind(name, named("f"), "")
            channel.exchange_bind(named("f"), named("e"), "1")
            channel.exchange_bind(named("f"), named("e"), "2")
            channel.basic_publish(named("e"), "key", "x")
            return bodies(channel, name)

    add(kind)


# Dead letters


def deaths(message):
    headers = message["headers"]
    told = [[death["queue"].split(".")[-1], death["reason"], death["count"], death["exchange"], [key.split(".")[-1] for key in death["routing-keys"]]] for death in headers.get("x-death", [])]
    return {**{key: value for key, value in headers.items() if key != "x-death"}, "x-death": told, "key": message["routing_key"].split(".")[-1]}


def circle(channel):
    """Declares a queue and a wait queue. The dead letters of each go to the other."""
    name = queue(channel, "main", x_dead_letter_exchange="", x_dead_letter_routing_key=named("wait"))
    queue(channel, "wait", x_message_ttl=20, x_dead_letter_exchange="", x_dead_letter_routing_key=named("main"))
    return name


def reject_next(channel, name):
    while True:
        method, properties, body = channel.basic_get(name)
        if method is not None:
            channel.basic_reject(method.delivery_tag, requeue=False)
            return properties, body


@linked("x-death after four rounds of rejection and expiry")
def _(channel, connection):
    name = circle(channel)
    put(channel, name, "x", headers={"mine": 1})
    for _ in range(4):
        reject_next(channel, name)
    return deaths(take(channel, name))


@linked("x-death after a client published the headers that it received")
def _(channel, connection):
    name = circle(channel)
    put(channel, name, "x", headers={"mine": 1})
    for _ in range(2):
        reject_next(channel, name)
    while True:
        method, properties, body = channel.basic_get(name)
        if method is not None:
            break
    channel.basic_publish("", name, body, properties)
    channel.basic_ack(method.delivery_tag)
    before = deaths(take(channel, name))
    channel.basic_publish("", name, body, properties)
    reject_next(channel, name)
    return [before, deaths(take(channel, name))]


@linked("x-death of a client in invalid forms")
def _(channel, connection):
    dead = queue(channel, "dead")
    name = queue(channel, "q", x_dead_letter_exchange="", x_dead_letter_routing_key=dead)
    found = []
    for value in ("text", 1, [], [1], [{"queue": name, "reason": "rejected"}], [{"queue": name, "reason": "rejected", "count": 7}], {"queue": name}):
        put(channel, name, "x", headers={"x-death": value, "x-first-death-queue": "mine", "x-last-death-reason": "mine"})
        reject_next(channel, name)
        found.append(deaths(take(channel, dead)))
    return found


@linked("a dead letter keeps the keys of CC and BCC")
def _(channel, connection):
    first, second, third = (queue(channel, name) for name in ("one", "two", "three"))
    name = queue(channel, "q", x_dead_letter_exchange="amq.direct")
    for each in (first, second, third):
        channel.queue_bind(each, "amq.direct", each)
    channel.queue_bind(first, "amq.direct", name)
    put(channel, name, "x", headers={"CC": [second], "BCC": [third]})
    reject_next(channel, name)
    return [[deaths(take(channel, each)), len(bodies(channel, each))] for each in (first, second, third)]


@linked("x-dead-letter-routing-key replaces the keys of CC and BCC")
def _(channel, connection):
    first, second, third = (queue(channel, name) for name in ("one", "two", "three"))
    name = queue(channel, "q", x_dead_letter_exchange="amq.direct", x_dead_letter_routing_key=named("key"))
    for each in (second, third):
        channel.queue_bind(each, "amq.direct", each)
    channel.queue_bind(first, "amq.direct", named("key"))
    put(channel, name, "x", headers={"CC": [second], "BCC": [third]})
    reject_next(channel, name)
    found = deaths(take(channel, first))
    return [found, [bodies(channel, each) for each in (first, second, third)]]


@linked("a message with CC is dead-lettered twice")
def _(channel, connection):
    last = queue(channel, "last")
    second = queue(channel, "second", x_dead_letter_exchange="", x_dead_letter_routing_key=last, x_message_ttl=20)
    name = queue(channel, "q", x_dead_letter_exchange="amq.direct", x_dead_letter_routing_key=named("key"))
    channel.queue_bind(second, "amq.direct", named("key"))
    put(channel, name, "x", headers={"CC": [named("copy")]}, expiration="60000")
    reject_next(channel, name)
    return deaths(take(channel, last))


@linked("CC with a key of more than 255 bytes")
def _(channel, connection):
    name = queue(channel, "q")
    put(channel, name, "x", headers={"CC": ["k" * 300]})
    return bodies(channel, name)


for header in ("CC", "BCC"):
    for value in ("text", 1, [1], [None, "key"], {}):

        def add_header(header, value):
            @linked(f"{header}={value!r}")
            def _(channel, connection):
                name = queue(channel, "q")
                put(channel, name, "x", headers={header: value})
                return take(channel, name)["headers"]

        add_header(header, value)


@linked("exchange.declare types that are Erlang atoms")
def _(channel, connection):
    found = {}
    for kind in ("x-random", "stream"):
        try:
            connection.channel().exchange_declare(named("e"), exchange_type=kind)
        except Exception as error:
            found[kind] = [error.reply_code, error.reply_text]
    return found
