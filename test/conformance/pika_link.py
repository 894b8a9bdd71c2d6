"""Opens a connection of pika for a job, and converts closes and messages to answers."""

import pika
from pika.exceptions import AMQPConnectionError, ChannelClosed, ConnectionClosed, NackError, UnroutableError

from jobs import SECONDS, job, named, url


def connect(address=url, **options):
    parameters = pika.URLParameters(address)
    parameters.socket_timeout = parameters.stack_timeout = SECONDS
    for name, value in options.items():
        setattr(parameters, name, value)
    return pika.BlockingConnection(parameters)


def closing(error, scope):
    return {"scope": scope, "code": getattr(error, "reply_code", None), "text": getattr(error, "reply_text", str(error))}


def linked(title):
    """Adds a job with a connection and a channel. If the broker closes one of them, the close is the answer of the job."""

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
                    pass  # already closed

        return job(title)(whole)

    return add


def queue(channel, name, **arguments):
    made = channel.queue_declare(named(name), exclusive=True, arguments={k.replace("_", "-"): v for k, v in arguments.items()})
    return made.method.queue


def put(channel, to, *bodies, **properties):
    for body in bodies:
        channel.basic_publish("", to, body, pika.BasicProperties(**properties))


def routed(channel, key):
    """Publishes a message on a channel with confirms. Returns False if the message was not routed."""
    try:
        channel.basic_publish("", key, "x", mandatory=True)
    except NackError:
        pass  # RabbitMQ: the queue was deleted before it confirmed the message
    except UnroutableError:
        return False
    return True


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
    """Consumes `count` messages. Returns body and redelivered flag of each."""
    got = []
    for method, _, body in channel.consume(name, auto_ack=True):
        got.append([body.decode(), method.redelivered])
        if len(got) == count:
            break
    channel.cancel()
    return got
