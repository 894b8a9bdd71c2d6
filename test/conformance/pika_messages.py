"""Jobs of pika: publishing, delivery, acknowledgement and return of messages."""

from urllib.parse import urlsplit

import pika
from pika import spec
from pika.exceptions import ChannelClosed, NackError, UnroutableError

from jobs import named, url
from pika_link import bodies, closing, comes, connect, linked, put, queue, take


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


@linked("basic.publish expiration values")
def expirations(channel, connection):
    verdicts = {}
    for value in ("0", "+1", "315360000000", "315360000001", "999999999999", "-1", "1.5", "1s", "", " 1"):
        here = connection.channel()
        try:
            here.confirm_delivery()
            here.basic_publish("", named("nobody"), "x", pika.BasicProperties(expiration=value))
            verdicts[value] = "acked"
        except ChannelClosed as error:
            verdicts[value] = error.reply_text
    return verdicts


@linked("basic.publish timestamps of 64 bits")
def timestamps(channel, connection):
    name = queue(channel, "times")
    values = ((1 << 53) + 1, (1 << 63) - 1, (1 << 64) - 1)
    for value in values:
        put(channel, name, "x", timestamp=value, headers={"n": value >> 1})
    return [[found["timestamp"], found["headers"]] for found in (take(channel, name) for _ in values)]


@linked("direct reply-to: the requester has disconnected")
def late_reply(channel, connection):
    asking = connect()
    asker = asking.channel()
    asker.basic_consume("amq.rabbitmq.reply-to", lambda *_: None, auto_ack=True)
    requests = queue(channel, "requests")
    asker.basic_publish("", requests, "x", pika.BasicProperties(reply_to="amq.rabbitmq.reply-to"))
    address = take(channel, requests)["reply_to"]
    asking.close()
    channel.confirm_delivery()
    told = []
    for key in (address, "amq.rabbitmq.reply-to.nobody", "amq.rabbitmq.reply-to."):
        for mandatory in (False, True):
            try:
                channel.basic_publish("", key, "x", mandatory=mandatory)
                told.append("acked")
            except (UnroutableError, NackError) as error:
                told.append(type(error).__name__)
    return told


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


@linked("basic.publish many messages before the close arrives")
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


@linked("basic.ack tag 0 without deliveries")
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
    # The client must have the tag before the first delivery.
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


@linked("basic.cancel keeps unacknowledged messages")
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


@linked("dead letter expired, through a topic exchange")
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
