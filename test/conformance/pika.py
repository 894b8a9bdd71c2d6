"""pika's jobs: transactions, flow, recovery, no-wait, and frames that the protocol does not allow."""

import sys
from urllib.parse import urlsplit

here = sys.path.pop(0)  # this file has the name of the package
import pika  # noqa: E402
import pika.frame  # noqa: E402
from pika import spec  # noqa: E402
from pika.exceptions import AMQPConnectionError, ChannelClosed, ConnectionClosed, NackError, UnroutableError  # noqa: E402

sys.path.insert(0, here)
from jobs import job, named, run, url  # noqa: E402


def connect(address=url, **options):
    parameters = pika.URLParameters(address)
    for name, value in options.items():
        setattr(parameters, name, value)
    return pika.BlockingConnection(parameters)


def closing(error, scope):
    return {"scope": scope, "code": getattr(error, "reply_code", None), "text": getattr(error, "reply_text", str(error))}


def linked(title):
    """A job with a connection of its own; a close by the broker is its answer."""

    def add(work):
        def whole():
            connection = connect()
            try:
                return work(connection.channel(), connection)
            except ChannelClosed as error:
                return closing(error, "channel")
            except ConnectionClosed as error:
                return closing(error, "connection")
            finally:
                try:
                    connection.close()
                except AMQPConnectionError:
                    pass  # closed by the broker, or already

        return job(title)(whole)

    return add


def queue(channel, name, **arguments):
    made = channel.queue_declare(named(name), exclusive=True, arguments={k.replace("_", "-"): v for k, v in arguments.items()})
    return made.method.queue


def put(channel, to, *bodies, **properties):
    for body in bodies:
        channel.basic_publish("", to, body, pika.BasicProperties(**properties))


def seen(method, properties, body):
    given = {k: v for k, v in vars(properties).items() if v is not None}
    fields = {k: getattr(method, k) for k in ("exchange", "routing_key", "redelivered")}
    return {**fields, **given, "body": body}


def bodies(channel, name):
    found = []
    while True:
        method, _, body = channel.basic_get(name, auto_ack=True)
        if method is None:
            return found
        found.append([body.decode(), method.redelivered])


def take(channel, name):
    while True:
        method, properties, body = channel.basic_get(name, auto_ack=True)
        if method is not None:
            return seen(method, properties, body)


def comes(channel, name, count):
    """What a consumer gets: body and redelivered flag."""
    got = []
    for method, _, body in channel.consume(name, auto_ack=True):
        got.append([body.decode(), method.redelivered])
        if len(got) == count:
            break
    channel.cancel()
    return got


# Handshake


@job("connection.start-ok wrong password")
def wrong_password():
    try:
        connect(credentials=pika.PlainCredentials("guest", "wrong"))
    except AMQPConnectionError as error:
        return {"type": type(error).__name__, **closing(error, "connection")}


@job("connection.open unknown vhost")
def unknown_vhost():
    try:
        connect(virtual_host=named("vhost"))
    except AMQPConnectionError as error:
        return {"type": type(error).__name__, **closing(error, "connection")}


@job("connection.tune")
def tune():
    answers = []
    for options in ({}, {"frame_max": 8192, "channel_max": 10, "heartbeat": 7}, {"heartbeat": 0}):
        connection = connect(**options)
        params = connection._impl.params
        answers.append([params.frame_max, params.channel_max, params.heartbeat])
        queue_of = connection.channel()
        name = queue(queue_of, "tuned")
        put(queue_of, name, "x" * 20_000)
        answers.append(len(take(queue_of, name)["body"]))
        connection.close()
    return answers


@linked("channel.open more than channel-max")
def channel_max(_, connection):
    few = connect(channel_max=2)
    try:
        return [few.channel().channel_number for _ in range(3)]
    except Exception as error:
        return {"threw": type(error).__name__}


@linked("heartbeat from both sides")
def heartbeats(_, connection):
    beating = connect(heartbeat=1)
    beating.process_data_events(time_limit=1.3)
    checker = beating._impl._heartbeat_checker
    beats = checker._heartbeat_frames_received > 0 and checker._heartbeat_frames_sent > 0
    alive = beating.channel().is_open
    beating.close()
    return [beats, alive]


@linked("channel.open a number again after its close")
def channel_again(channel, connection):
    channel.close()
    again = connection.channel(channel_number=1)
    return [again.channel_number, queue(again, "again")]


@linked("channel.flow")
def flow(channel, connection):
    return [channel.flow(True)]


@linked("channel.flow stop")
def flow_stop(channel, connection):
    return [channel.flow(False)]


# Queues and exchanges


@linked("queue.declare passive missing")
def passive_missing(channel, connection):
    channel.queue_declare(named("missing"), passive=True)


@linked("queue.declare empty name means the last one")
def last_queue(channel, connection):
    name = channel.queue_declare("", exclusive=True).method.queue
    channel.queue_bind(name, "amq.direct", named("key"))
    # The client library fills nothing in: the broker knows which queue the channel declared last (AMQP 0-9-1, 1.7.2.3).
    put(channel, name, "x")
    return bodies(channel, "")


@linked("basic.get before any queue was declared")
def no_last_queue(channel, connection):
    channel.basic_get("")


@linked("queue.declare no-wait")
def declare_nowait(channel, connection):
    name = named("nowait")
    impl = channel._impl
    impl._send_method(spec.Queue.Declare(queue=name, exclusive=True, nowait=True))
    impl._send_method(spec.Queue.Bind(queue=name, exchange="amq.fanout", nowait=True))
    impl._send_method(spec.Queue.Purge(queue=name, nowait=True))
    put(channel, name, "kept")
    found = bodies(channel, name)
    impl._send_method(spec.Queue.Delete(queue=name, nowait=True))
    channel.queue_declare(name, passive=True)
    return found


@linked("exchange.declare and delete no-wait")
def exchange_nowait(channel, connection):
    name, other = named("nowait"), named("other")
    impl = channel._impl
    for each in (name, other):
        impl._send_method(spec.Exchange.Declare(exchange=each, type="direct", nowait=True))
    impl._send_method(spec.Exchange.Bind(destination=name, source=other, routing_key="k", nowait=True))
    impl._send_method(spec.Exchange.Unbind(destination=name, source=other, routing_key="k", nowait=True))
    channel.exchange_declare(name, passive=True)
    for each in (name, other):
        impl._send_method(spec.Exchange.Delete(exchange=each, nowait=True))
    channel.exchange_declare(name, passive=True)


@linked("exchange.declare unknown type")
def unknown_type(channel, connection):
    channel.exchange_declare(named("odd"), exchange_type="ZZwwInvalid")


@linked("exchange.declare inequivalent type")
def inequivalent(channel, connection):
    channel.exchange_declare("amq.topic", exchange_type="direct", durable=True)


@linked("exchange.unbind what was never bound")
def unbind_exchange(channel, connection):
    return str(channel.exchange_unbind("amq.fanout", "amq.direct", "never").method)


@linked("queue.bind long key")
def long_key(channel, connection):
    name = queue(channel, "long")
    key = named("k" * 200)
    channel.queue_bind(name, "amq.topic", key)
    channel.basic_publish("amq.topic", key, "x")
    return bodies(channel, name)


@linked("exclusive queue of another connection")
def locked(channel, connection):
    owner = connect()
    name = queue(owner.channel(), "locked")
    try:
        channel.basic_consume(name, lambda *_: None)
    finally:
        owner.close()


# Messages


@linked("basic.publish every property")
def every_property(channel, connection):
    name = queue(channel, "properties")
    put(
        channel,
        name,
        "späť".encode(),
        content_type="text/plain",
        content_encoding="utf-8",
        headers={"int": 1, "long": 5_000_000_000, "text": "späť", "yes": True, "none": None, "list": [1, "two", [3]], "table": {"a": {"b": 1}}},
        delivery_mode=2,
        priority=3,
        correlation_id="c",
        reply_to="r",
        expiration="60000",
        message_id="m",
        timestamp=1_700_000_000,
        type="t",
        user_id=urlsplit(url).username,
        app_id="a",
        cluster_id="x",
    )
    return take(channel, name)


@linked("confirm.select routed, unroutable, refused")
def confirms(channel, connection):
    channel.confirm_delivery()
    name = queue(channel, "full", x_max_length=1, x_overflow="reject-publish")
    told = []
    for to, mandatory in ((name, True), (named("nobody"), False), (named("nobody"), True), (name, True)):
        try:
            channel.basic_publish("", to, "x", mandatory=mandatory)
            told.append("acked")
        except UnroutableError as error:
            returned = error.messages[0]
            told.append(["returned", returned.method.reply_code, returned.method.reply_text, returned.body])
        except NackError:
            told.append("nacked")
    return told


@linked("confirm.select twice")
def confirm_twice(channel, connection):
    return [str(channel._impl._send_method(spec.Confirm.Select(nowait=True))), bool(channel.confirm_delivery() is None)]


@linked("basic.publish immediate")
def immediate(channel, connection):
    name = queue(channel, "now")
    method = spec.Basic.Publish(routing_key=name, immediate=True)
    channel._impl._send_method(method, (pika.BasicProperties(), b"x"))
    return bodies(channel, name)


@linked("basic.publish missing exchange, then use of the channel")
def missing_exchange(channel, connection):
    channel.basic_publish(named("missing"), "k", "x")
    return bodies(channel, queue(channel, "after"))


@linked("basic.publish many before the close is seen")
def many_after_close(channel, connection):
    try:
        for _ in range(200):
            channel.basic_publish(named("missing"), "k", "x" * 100)
        queue(channel, "after")
    except ChannelClosed as error:
        return [closing(error, "channel"), queue(connection.channel(), "alive")]


@linked("basic.get counts")
def get_counts(channel, connection):
    name = queue(channel, "counted")
    put(channel, name, "1", "2", "3")
    got = [channel.basic_get(name)[0] for _ in range(4)]
    return [[m.delivery_tag, m.message_count, m.redelivered] if m else None for m in got]


@linked("basic.ack everything by tag 0")
def ack_all(channel, connection):
    name = queue(channel, "acked")
    put(channel, name, "1", "2", "3")
    for _ in range(2):
        channel.basic_get(name)
    channel.basic_ack(0, multiple=True)
    channel.basic_recover(requeue=True)
    return comes(channel, name, 1)


@linked("basic.ack tag 0 with nothing to ack")
def ack_nothing(channel, connection):
    channel.basic_ack(0, multiple=True)
    return bodies(channel, queue(channel, "after"))


@linked("basic.ack tag 0, not multiple")
def ack_zero(channel, connection):
    channel.basic_ack(0)
    return bodies(channel, queue(channel, "after"))


@linked("basic.ack unknown tag, multiple")
def ack_unknown(channel, connection):
    channel.basic_ack(5, multiple=True)
    return bodies(channel, queue(channel, "after"))


@linked("basic.nack drops all")
def nack_all(channel, connection):
    name = queue(channel, "nacked")
    put(channel, name, "1", "2", "3")
    for _ in range(2):
        channel.basic_get(name)
    channel.basic_nack(0, multiple=True, requeue=False)
    return comes(channel, name, 1)


@linked("basic.reject")
def reject(channel, connection):
    name = queue(channel, "rejected")
    put(channel, name, "1", "2")
    tags = [channel.basic_get(name)[0].delivery_tag for _ in range(2)]
    channel.basic_reject(tags[0], requeue=False)
    channel.basic_reject(tags[1], requeue=True)
    return comes(channel, name, 1)


@linked("basic.recover")
def recover(channel, connection):
    name = queue(channel, "recovered")
    put(channel, name, "1", "2")
    channel.basic_get(name)
    channel.basic_recover(requeue=True)
    return comes(channel, name, 2)


@linked("basic.recover without requeue")
def recover_same(channel, connection):
    channel.basic_recover(requeue=False)


@linked("basic.recover-async")
def recover_async(channel, connection):
    name = queue(channel, "recovered")
    put(channel, name, "1")
    channel.basic_get(name)
    channel._impl._send_method(spec.Basic.RecoverAsync(requeue=True))
    return comes(channel, name, 1)


@linked("basic.qos prefetch size")
def prefetch_size(channel, connection):
    channel.basic_qos(prefetch_size=1000)


@linked("basic.consume no-wait, cancel no-wait")
def consume_nowait(channel, connection):
    name = queue(channel, "consumed")
    impl = channel._impl
    got = []
    # The tag has to be known to the client before the first delivery.
    impl._consumers["tag"] = lambda _c, method, _p, body: got.append([method.consumer_tag, body.decode()])
    impl._consumers_with_noack.add("tag")
    impl._send_method(spec.Basic.Consume(queue=name, consumer_tag="tag", no_ack=True, nowait=True))
    put(channel, name, "1")
    while not got:
        connection.process_data_events(time_limit=0.1)
    impl._send_method(spec.Basic.Cancel(consumer_tag="tag", nowait=True))
    put(channel, name, "2")
    return [got, bodies(channel, name)]


@linked("basic.cancel by the broker")
def cancelled(channel, connection):
    name = queue(channel, "watched")
    got = []
    channel.add_on_cancel_callback(lambda frame: got.append(frame.method.consumer_tag))
    channel.basic_consume(name, lambda *_: None, consumer_tag="tag")
    connection.channel().queue_delete(name)
    while not got:
        connection.process_data_events(time_limit=0.1)
    return got


@linked("basic.cancel leaves what was not acked")
def cancel_unacked(channel, connection):
    name = queue(channel, "held")
    put(channel, name, "1", "2")
    got = []
    channel.basic_consume(name, lambda _c, method, _p, body: got.append(method.delivery_tag), consumer_tag="tag")
    while len(got) < 2:
        connection.process_data_events(time_limit=0.1)
    channel._impl._send_method(spec.Basic.Cancel(consumer_tag="tag", nowait=True))
    channel.basic_ack(got[0])
    left = channel.queue_declare(name, passive=True).method.message_count
    channel.close()
    return [left, comes(connection.channel(), name, 1)]


@linked("dead letter expired, by a topic exchange")
def dead_letter(channel, connection):
    dead = queue(channel, "dead")
    channel.queue_bind(dead, "amq.topic", named("dead.#"))
    alive = queue(channel, "alive", x_dead_letter_exchange="amq.topic", x_dead_letter_routing_key=named("dead.letter"), x_message_ttl=20)
    put(channel, alive, "x", headers={"a": 1})
    return take(channel, dead)


@linked("RPC by a reply queue")
def rpc(channel, connection):
    requests = queue(channel, "requests")
    replies = channel.queue_declare("", exclusive=True).method.queue
    channel.basic_consume(
        requests,
        lambda ch, m, p, body: ch.basic_publish("", p.reply_to, str(int(body) * 2), pika.BasicProperties(correlation_id=p.correlation_id)),
        auto_ack=True,
    )
    got = []
    channel.basic_consume(replies, lambda ch, m, p, body: got.append([p.correlation_id, body.decode()]), auto_ack=True)
    for number in (1, 2, 3):
        put(channel, requests, str(number), reply_to=replies, correlation_id=f"c{number}")
    while len(got) < 3:
        connection.process_data_events(time_limit=0.1)
    return got


# Transactions


@linked("tx.commit")
def tx_commit(channel, connection):
    name = queue(channel, "committed")
    put(channel, name, "before")
    channel.tx_select()
    put(channel, name, "1", "2")
    held = channel.queue_declare(name, passive=True).method.message_count
    channel.basic_ack(channel.basic_get(name)[0].delivery_tag)
    channel.tx_commit()
    return [held, bodies(channel, name)]


@linked("tx.rollback")
def tx_rollback(channel, connection):
    name = queue(channel, "rolled")
    put(channel, name, "before")
    channel.tx_select()
    put(channel, name, "never")
    tag = channel.basic_get(name)[0].delivery_tag
    channel.basic_ack(tag)
    channel.tx_rollback()
    channel.basic_nack(tag, requeue=True)
    channel.tx_commit()
    return comes(channel, name, 1)


@linked("tx.commit of an unroutable mandatory message")
def tx_return(channel, connection):
    got = []
    channel.add_on_return_callback(lambda _c, method, _p, body: got.append([method.reply_code, body.decode()]))
    channel.tx_select()
    channel.basic_publish("", named("nobody"), "x", mandatory=True)
    channel.tx_commit()
    while not got:
        connection.process_data_events(time_limit=0.1)
    return got


@linked("tx.commit without tx.select")
def tx_not_selected(channel, connection):
    channel.tx_commit()


@linked("tx.rollback without tx.select")
def tx_rollback_not_selected(channel, connection):
    channel.tx_rollback()


@linked("tx.select after confirm.select")
def tx_after_confirm(channel, connection):
    channel.confirm_delivery()
    channel.tx_select()


@linked("confirm.select after tx.select")
def confirm_after_tx(channel, connection):
    channel.tx_select()
    channel.confirm_delivery()


@linked("close of a channel forgets its transaction")
def tx_closed(channel, connection):
    name = queue(channel, "forgotten")
    other = connection.channel()
    other.tx_select()
    put(other, name, "never")
    other.close()
    return bodies(channel, name)


# Frames that the protocol does not allow


def broken(title):
    """Sends frames of our own making on the channel; the answer is the connection's close."""

    def add(frames):
        @linked(title)
        def work(channel, connection):
            name = queue(channel, "broken")
            for frame in frames(channel.channel_number, name):
                connection._impl._output_marshaled_frames([frame] if isinstance(frame, bytes) else [frame.marshal()])
            # Something that has an answer: a close comes before it.
            connection.channel(50)
            return "open" if queue(channel, "after") else None

    return add


def method(number, payload):
    return raw(1, number, payload)


def raw(kind, number, payload, end=b"\xce"):
    return bytes([kind]) + number.to_bytes(2, "big") + len(payload).to_bytes(4, "big") + payload + end


def header(size=1, of_class=60):
    return of_class.to_bytes(2, "big") + b"\0\0" + size.to_bytes(8, "big") + b"\0\0"


def publish(number, name):
    return pika.frame.Method(number, spec.Basic.Publish(routing_key=name))


@broken("body frame where a method is expected")
def _(number, name):
    return [raw(3, number, b"x")]


@broken("header frame where a method is expected")
def _(number, name):
    return [raw(2, number, header())]


@broken("method where a content header is expected")
def _(number, name):
    return [publish(number, name), publish(number, name)]


@broken("body where a content header is expected")
def _(number, name):
    return [publish(number, name), raw(3, number, b"x")]


@broken("content header of another class")
def _(number, name):
    return [publish(number, name), raw(2, number, header(of_class=3106))]


@broken("method where a body is expected")
def _(number, name):
    return [publish(number, name), raw(2, number, header()), publish(number, name)]


@broken("more body than was announced")
def _(number, name):
    return [publish(number, name), raw(2, number, header(2)), raw(3, number, b"xyz")]


@broken("unknown class")
def _(number, name):
    return [method(number, b"\0\x63\0\x0a")]


@broken("unknown method of a known class")
def _(number, name):
    return [method(number, b"\0\x3c\0\xff")]


@broken("method cut short")
def _(number, name):
    return [method(number, b"\0\x3c\0\x28\0\0\x09abc")]


@broken("unknown frame type")
def _(number, name):
    return [raw(7, number, b"x")]


@broken("unknown frame type, long")
def _(number, name):
    return [raw(0, number, b"12345678901234567890")]


@broken("heartbeat on a channel")
def _(number, name):
    return [raw(8, number, b"")]


@broken("heartbeat with a payload")
def _(number, name):
    return [raw(8, 0, b"x")]


@broken("wrong frame end")
def _(number, name):
    return [raw(1, number, b"\0\x3c\0\x28", end=b"\0")]


@broken("frame over frame-max")
def _(number, name):
    return [publish(number, name), raw(2, number, header(131_073)), raw(3, number, b"x" * 131_073)]


@broken("method on a channel that was never opened")
def _(number, name):
    return [pika.frame.Method(99, spec.Basic.Get(queue=name))]


@broken("channel.open of an open channel")
def _(number, name):
    return [pika.frame.Method(number, spec.Channel.Open())]


@broken("channel over channel-max")
def _(number, name):
    return [pika.frame.Method(3000, spec.Channel.Open())]


@broken("connection method on a channel")
def _(number, name):
    return [pika.frame.Method(number, spec.Connection.TuneOk())]


@broken("connection.start-ok again")
def _(number, name):
    return [pika.frame.Method(0, spec.Connection.StartOk(client_properties={}, response="x"))]


@broken("channel method on channel 0")
def _(number, name):
    return [pika.frame.Method(0, spec.Queue.Declare(queue=name, passive=True))]


@broken("server's method from a client")
def _(number, name):
    return [pika.frame.Method(number, spec.Basic.GetEmpty())]


@broken("access.request")
def _(number, name):
    return [method(number, b"\0\x1e\0\x0a\x05/data\x1f")]


run()
