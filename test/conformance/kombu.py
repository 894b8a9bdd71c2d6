"""Jobs of kombu with py-amqp: its classes for exchanges, queues, producers and consumers."""

import re
import sys

here = sys.path.pop(0)  # this file has the same name as the package
import amqp  # noqa: E402
import kombu  # noqa: E402
from kombu.pools import producers  # noqa: E402

sys.path.insert(0, here)
from jobs import SECONDS, job, named, run, url  # noqa: E402


def linked(title):
    """Adds a job with a connection. If the broker closes it or its channel, the close is the answer of the job."""

    def add(work):
        def whole():
            connection = kombu.Connection(url, connect_timeout=SECONDS, transport_options={"confirm_publish": True})
            try:
                return work(connection)
            except amqp.exceptions.ChannelError as error:
                return {"scope": "channel", "code": error.reply_code, "text": error.reply_text, "type": type(error).__name__}
            except amqp.exceptions.ConnectionError as error:
                return {"scope": "connection", "code": error.reply_code, "text": error.reply_text, "type": type(error).__name__}
            finally:
                try:
                    connection.release()
                except Exception:
                    pass  # closed by the broker

        return job(title)(whole)

    return add


def queue(connection, name, **options):
    made = kombu.Queue(named(name), exclusive=True, durable=False, auto_delete=False, channel=connection.default_channel, **options)
    made.declare()
    return made


def seen(message):
    info = {k: v for k, v in message.delivery_info.items() if k != "delivery_tag"}
    return {**info, **message.properties, "headers": message.headers, "payload": message.payload}


def take(made):
    while True:
        message = made.get(no_ack=True)
        if message is not None:
            return message


@job("connection.start-ok wrong password")
def wrong_password():
    try:
        kombu.Connection(re.sub("//.*@", "//guest:wrong@", url)).connect()
    except Exception as error:
        return f"{type(error).__name__}: {error}"


@job("connection.open unknown vhost")
def unknown_vhost():
    try:
        kombu.Connection(url, virtual_host=named("vhost")).connect()
    except Exception as error:
        return f"{type(error).__name__}: {error}"


@linked("Connection: transport and heartbeat")
def transport(connection):
    connection.connect()
    beating = kombu.Connection(url, heartbeat=2)
    beating.connect()
    beating.heartbeat_check()
    return [connection.transport.driver_type, connection.connected, beating.get_heartbeat_interval()]


@linked("Producer and Queue.get: JSON")
def json_message(connection):
    made = queue(connection, "json")
    connection.Producer().publish({"späť": [1, None]}, routing_key=made.name, headers={"a": 1, "b": [1, {"c": 2}]}, priority=3, expiration=60)
    return seen(take(made))


@linked("Producer: compressed, pickled and raw bodies")
def bodies(connection):
    made = queue(connection, "raw")
    producer = connection.Producer()
    producer.publish("x" * 2000, routing_key=made.name, compression="zlib")
    producer.publish(b"\0\1\2", routing_key=made.name, content_type="application/octet-stream", content_encoding="binary")
    return [len(take(made).payload), list(take(made).body)]


@linked("Queue bound by its declaration, with an exchange")
def bound(connection):
    exchange = kombu.Exchange(named("logs"), type="topic", durable=False, auto_delete=True)
    made = kombu.Queue(named("bound"), exchange, routing_key="a.#", exclusive=True, durable=False)
    with connection.Producer(exchange=exchange) as producer:
        producer.publish("in", routing_key="a.b", declare=[made])
        producer.publish("out", routing_key="b", declare=[made])
        return [take(made(connection.default_channel)).payload, made(connection.default_channel).get() is None]


@linked("Queue with limits as its arguments")
def limits(connection):
    made = queue(connection, "limited", expires=60, message_ttl=30, max_length=2, max_length_bytes=1000, max_priority=5)
    for priority in (0, 5, 1):
        connection.Producer().publish(str(priority), routing_key=made.name, priority=priority)
    return [take(made).payload for _ in range(2)]


@linked("Consumer: ack, reject, requeue")
def consumer(connection):
    made = queue(connection, "consumed")
    for body in ("ack", "requeue", "reject"):
        connection.Producer().publish(body, routing_key=made.name)
    got = []

    def on_message(body, message):
        got.append([body, message.delivery_info["redelivered"]])
        if body == "requeue" and not message.delivery_info["redelivered"]:
            message.requeue()
        elif body == "reject":
            message.reject()
        else:
            message.ack()

    with connection.Consumer(made, callbacks=[on_message], prefetch_count=1):
        while len(got) < 4:
            connection.drain_events(timeout=SECONDS)
        return [got, made.purge()]


@linked("Consumer: qos and flow")
def qos(connection):
    made = queue(connection, "fetched")
    for number in range(5):
        connection.Producer().publish(number, routing_key=made.name)
    got = []
    held = kombu.Consumer(connection.channel(), [made], callbacks=[lambda body, message: got.append(message)])
    held.qos(prefetch_count=2)
    held.consume()
    while len(got) < 2:
        connection.drain_events(timeout=SECONDS)
    before = made.queue_declare(passive=True).message_count
    got[1].ack(multiple=True)
    while len(got) < 4:
        connection.drain_events(timeout=SECONDS)
    return [before, made.queue_declare(passive=True).message_count]


@linked("Consumer cancelled by the broker")
def cancelled(connection):
    made = queue(connection, "watched")
    told = []
    channel = connection.channel()
    channel.basic_consume(made.name, consumer_tag="tag", callback=lambda _: None, on_cancel=told.append)
    made.delete()
    try:
        while not told:
            connection.drain_events(timeout=SECONDS)
    except amqp.exceptions.ConsumerCancelled as error:
        told.append(type(error).__name__)
    return told


@linked("SimpleQueue")
def simple(connection):
    made = connection.SimpleQueue(kombu.Queue(named("simple"), routing_key=named("simple"), expires=60))
    made.put({"n": 1}, serializer="json")
    message = made.get(timeout=SECONDS)
    message.ack()
    size = made.qsize()
    made.close()
    return [message.payload, size]


@linked("Producer from a pool, with retry")
def pooled(connection):
    made = queue(connection, "pooled")
    with producers[connection].acquire(block=True) as producer:
        producer.publish("x", routing_key=made.name, retry=True, retry_policy={"max_retries": 1})
    return take(made).payload


@linked("exchange to exchange")
def exchanges(connection):
    source = kombu.Exchange(named("source"), "direct", durable=False)(connection.default_channel)
    target = kombu.Exchange(named("target"), "fanout", durable=False)(connection.default_channel)
    source.declare()
    target.declare()
    target.bind_to(source, routing_key="k")
    made = queue(connection, "end", exchange=target)
    source.publish(source.Message("x"), routing_key="k")
    got = take(made).payload
    target.unbind_from(source, routing_key="k")
    source.delete()
    target.delete()
    return got


@linked("mandatory and unroutable")
def mandatory(connection):
    told = []
    producer = connection.Producer(on_return=lambda exception, exchange, key, message: told.append([str(exception), exchange, key]))
    producer.publish("x", routing_key=named("nobody"), mandatory=True)
    while not told:
        connection.drain_events(timeout=SECONDS)
    return told


@linked("passive missing")
def missing(connection):
    kombu.Queue(named("missing"), channel=connection.default_channel).queue_declare(passive=True)


@linked("inequivalent")
def inequivalent(connection):
    queue(connection, "same", max_length=1)
    queue(connection, "same", max_length=2)


@linked("exclusive queue of another connection")
def exclusive(connection):
    with kombu.Connection(url) as owner:
        queue(owner, "locked")
        queue(connection, "locked")


@linked("publish to a missing exchange")
def missing_exchange(connection):
    connection.Producer().publish("x", exchange=named("missing"), routing_key="k")


@linked("immediate")
def immediate(connection):
    connection.Producer().publish("x", routing_key=queue(connection, "now").name, immediate=True)
    connection.default_channel.queue_declare("", exclusive=True)


@linked("product and version select the semantics of global qos")
def semantics(connection):
    connection.connect()
    properties = connection.connection.server_properties
    major = int(properties["version"].split(".")[0])
    return [properties["product"], major >= 4, connection.qos_semantics_matches_spec]


run()
