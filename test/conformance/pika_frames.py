"""Jobs of pika: frames that violate the protocol."""

import pika.frame
from pika import spec

from pika_link import linked, queue

UNOPENED = 50


def broken(title):
    """Adds a job that sends raw frames on the channel. Its answer is the close by the broker."""

    def add(frames):
        @linked(title)
        def work(channel, connection):
            name = queue(channel, "broken")
            for frame in frames(channel.channel_number, name):
                connection._impl._output_marshaled_frames([frame] if isinstance(frame, bytes) else [frame.marshal()])
            # The broker processes the frames before this request, so a refusal of the frames arrives first.
            connection.channel(UNOPENED)
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
    return [pika.frame.Method(UNOPENED, spec.Basic.Get(queue=name))]


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
