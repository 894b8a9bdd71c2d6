"""Jobs of pika: connections, channels, queues, exchanges and transactions. Runs the jobs of the other pika files, too."""

import sys

here = sys.path.pop(0)  # this file has the same name as the package
import pika  # noqa: E402
from pika import spec  # noqa: E402
from pika.exceptions import AMQPConnectionError, ChannelClosed  # noqa: E402

sys.path.insert(0, here)
import pika_arguments  # noqa: E402, F401
import pika_exchanges  # noqa: E402, F401
import pika_frames  # noqa: E402, F401
import pika_handshake  # noqa: E402, F401
import pika_messages  # noqa: E402, F401
from jobs import job, named, run  # noqa: E402
from pika_link import bodies, closing, comes, connect, linked, put, queue, routed, take  # noqa: E402
from pika_queues import expired  # noqa: E402


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
        name = queue(queue_of, f"tuned{len(answers)}")
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
    beating = connect(heartbeat=2)
    checker = beating._impl._heartbeat_checker
    while not (checker._heartbeat_frames_received and checker._heartbeat_frames_sent):
        beating.process_data_events(time_limit=0.1)
    alive = beating.channel().is_open
    beating.close()
    return alive


@linked("channel.open reuses a number after channel.close")
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


@linked("an empty queue name means the queue that was declared last")
def last_queue(channel, connection):
    name = channel.queue_declare("", exclusive=True).method.queue
    channel.queue_bind(name, "amq.direct", named("key"))
    # The client sends an empty name, and the broker uses the queue that the channel declared last (AMQP 0-9-1, 1.7.2.3).
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


@linked("queue.declare x-expires")
def expires(channel, connection):
    name = named("expires")
    # Declare and consume are sent together, because the queue could expire between two separate requests.
    channel._impl._send_method(spec.Queue.Declare(queue=name, durable=True, nowait=True, arguments={"x-expires": 200}))
    channel.basic_consume(name, lambda *_: None, consumer_tag="keeps")
    expired(connection, 400)
    consumers = channel.queue_declare(name, passive=True).method.consumer_count
    channel.basic_cancel("keeps")
    channel.confirm_delivery()
    # The queue is observed with a publish, because a passive declaration would restart the expiry timer.
    while routed(channel, name):
        pass
    try:
        channel.queue_declare(name, passive=True)
    except ChannelClosed as error:
        return [consumers, closing(error, "channel")]


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


@linked("exchange.unbind missing binding")
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


# Transactions


@linked("tx.commit")
def tx_commit(channel, connection):
    name = queue(channel, "committed")
    put(channel, name, "before")
    channel.tx_select()
    put(channel, name, "1", "2")
    method, _, _ = channel.basic_get(name)
    held = method.message_count
    channel.basic_ack(method.delivery_tag)
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


@linked("channel.close rolls its transaction back")
def tx_closed(channel, connection):
    name = queue(channel, "forgotten")
    other = connection.channel()
    other.tx_select()
    put(other, name, "never")
    other.close()
    return bodies(channel, name)


run()
