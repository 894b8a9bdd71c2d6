"""Jobs of pika: handshakes and frames that no client library sends, over a plain socket."""

import socket
import struct
from urllib.parse import unquote, urlsplit

import pika
import pika.frame
from pika import spec

from jobs import SECONDS, job, url

PLACE = urlsplit(url)
CLIENT = {"capabilities": {"authentication_failure_close": True}}


class Peer:
    """A socket that sends methods and parses received frames."""

    def __init__(self, header=b"AMQP\0\0\x09\x01"):
        self.socket = socket.create_connection((PLACE.hostname, PLACE.port), timeout=SECONDS)
        self.socket.sendall(header)
        self.bytes = b""

    def send(self, *methods, channel=0):
        """Sends the methods together, because the broker may close the socket after the first."""
        self.socket.sendall(b"".join(pika.frame.Method(channel, method).marshal() for method in methods))

    def receive(self):
        """Returns the next method, or "end" if the broker closed the socket."""
        while True:
            size, frame = pika.frame.decode_frame(self.bytes)
            self.bytes = self.bytes[size:]
            if isinstance(frame, pika.frame.Method):
                return frame.method
            if frame is not None:
                continue
            try:
                more = self.socket.recv(65536)
            except ConnectionResetError:
                return "end"
            if not more:
                return "end"
            self.bytes += more

    def said(self):
        method = self.receive()
        if isinstance(method, (spec.Connection.Close, spec.Channel.Close)):
            return [method.NAME, method.reply_code, method.reply_text]
        return method if isinstance(method, str) else method.NAME

    def start(self, properties=CLIENT):
        self.receive()
        response = b"\0" + unquote(PLACE.username).encode() + b"\0" + unquote(PLACE.password).encode()
        self.send(spec.Connection.StartOk(properties, "PLAIN", response, "en_US"))

    def tune(self, frame_max=131_072, channel_max=2047):
        self.start()
        self.receive()
        self.send(spec.Connection.TuneOk(channel_max, frame_max, 0), spec.Connection.Open("/"))


def raw(title):
    """Adds a job that can open sockets. They are closed at its end."""

    def add(work):
        def whole():
            peers = []

            def connect(*arguments):
                peers.append(Peer(*arguments))
                return peers[-1]

            try:
                return work(connect)
            finally:
                for peer in peers:
                    peer.socket.close()

        return job(title)(whole)

    return add


HEADERS = {
    "0-8": b"AMQP\1\1\x08\0",
    "0-8 as 8-0": b"AMQP\1\1\0\x08",
    "0-9": b"AMQP\0\0\x09\0",
    "0-9 as in its specification": b"AMQP\1\1\0\x09",
    "0-10": b"AMQP\1\1\0\x0a",
    "0-9-2": b"AMQP\0\0\x09\x02",
    "HTTP": b"GET / HTTP/1.1\r\n\r\n",
    "other bytes": b"12345678",
}

for name, header in HEADERS.items():

    def add(header):
        @raw(f"protocol header {name}")
        def _(connect):
            peer = connect(header)
            first = peer.socket.recv(8)
            if first.startswith(b"AMQP"):
                return [first.hex(), peer.said()]
            peer.bytes = first
            return peer.said()

    add(header)

for frame_max in (0, 4096, 8192, 131_072, 131_073):

    def add(frame_max):
        @raw(f"connection.tune-ok frame_max {frame_max}")
        def _(connect):
            peer = connect()
            peer.tune(frame_max=frame_max)
            return peer.said()

    add(frame_max)

for channel_max in (0, 1, 2047, 2048):

    def add(channel_max):
        @raw(f"connection.tune-ok channel_max {channel_max}")
        def _(connect):
            peer = connect()
            peer.tune(channel_max=channel_max)
            return peer.said()

    add(channel_max)

for size in (3_000, 9_000):

    def add(size):
        @raw(f"connection.start-ok with {size} bytes")
        def _(connect):
            peer = connect()
            try:
                peer.start({**CLIENT, "long": "x" * size})
            except OSError:
                return "end"
            return peer.said()

    add(size)


# Methods with fields that are longer or shorter than the frame


def opened(connect):
    peer = connect()
    peer.tune()
    peer.receive()
    peer.send(spec.Channel.Open(), channel=1)
    peer.receive()
    return peer


def frame(channel, payload, kind=1):
    return bytes([kind]) + struct.pack(">HI", channel, len(payload)) + payload + b"\xce"


def sent(title, *frames):
    """Sends frames on channel 1 and then basic.qos, which the broker answers only if it accepts all frames."""
    refused(title, *frames, pika.frame.Method(1, spec.Basic.Qos()).marshal())


def refused(title, *frames):
    """Sends frames and waits for the refusal. Sends nothing else, because another answer could arrive before the refusal."""

    @raw(title)
    def _(connect):
        peer = opened(connect)
        # The frames are sent together, because the broker may close the socket after the first one.
        peer.socket.sendall(b"".join(frames))
        return peer.said()


def method(klass, number, fields):
    return frame(1, struct.pack(">HH", klass, number) + fields)


PUBLISH = method(60, 40, b"\0\0\0\x01k\0")

sent("bytes left over: basic.qos", method(60, 10, b"\0\0\0\0\0\x01\0x"))
sent("bytes left over: basic.ack", method(60, 80, b"\0\0\0\0\0\0\0\0\x01x"))
sent("bytes left over: basic.publish", method(60, 40, b"\0\0\0\x01k\0x"))
sent("bytes left over: tx.select", method(90, 10, b"x"))
sent("bytes left over: channel.close-ok", method(20, 41, b"x"))
sent("a short string that is too long: basic.get", method(60, 70, b"\0\0\xffabc\0"))
sent("a short string that is too short: basic.get", method(60, 70, b"\0\0\x02abcd\0"))
sent("a method without its fields: queue.declare", method(50, 10, b""))
refused("channel.close-ok of a channel that was never opened", frame(9, b"\0\x14\0\x29"))
refused("channel.close of a channel that was never opened", frame(9, b"\0\x14\0\x28\0\xc8\0\0\0\0\0"))
sent("content header with a weight", PUBLISH, frame(1, b"\0\x3c\0\x01" + b"\0" * 8 + b"\0\0", 2))
sent("content header with more property flags", PUBLISH, frame(1, b"\0\x3c\0\0" + b"\0" * 8 + b"\0\x01\0\0", 2))
sent("content header that is cut short", PUBLISH, frame(1, b"\0\x3c\0\0", 2))
sent("content header with bytes left over", PUBLISH, frame(1, b"\0\x3c\0\0" + b"\0" * 8 + b"\0\0xx", 2))


def table(*fields):
    inside = b"".join(bytes([len(key)]) + key + b"I" + struct.pack(">i", value) for key, value in fields)
    return struct.pack(">I", len(inside)) + inside


@raw("a key twice in a table: the first counts")
def _(connect):
    peer = opened(connect)
    fields = table((b"x-max-length", 1), (b"x-max-length", -1))
    peer.socket.sendall(method(50, 10, b"\0\0\0" + b"\x0c" + fields))
    return peer.said()


@raw("queue.declare passive without a name")
def _(connect):
    peer = opened(connect)
    peer.send(spec.Queue.Declare(queue="", passive=True), channel=1)
    first = peer.said()
    peer = opened(connect)
    peer.send(spec.Queue.Declare(queue="", exclusive=True), channel=1)
    peer.receive()
    peer.send(spec.Queue.Declare(queue="", passive=True), channel=1)
    return [first, peer.said()]
