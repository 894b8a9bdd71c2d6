// Writes the frames of one connection. It collects them in a slab (a large buffer), and writes the slab to the socket at the
// end of each turn of the event loop.

import type { Socket } from 'node:net';
import { frameEnd, frameOverhead, frameTypes } from '../../codec/frames.ts';
import { encodeMethod, type MethodInput, type MethodName, methodKey } from '../../codec/methods.ts';
import { copyBytes } from '../../codec/values.ts';
import type { Message } from '../../queue/message.ts';
import type { Latency } from './latency.ts';

const slabSize = 64 * 1024;
/** A larger body is not copied to the slab, but written from its own buffer. */
const copyLimit = 4096;
/** Maximum size of the frame of a basic.deliver. */
const headLimit = 1024;
/** A client with more unread bytes than this receives no more messages until it has read most of them. */
const backlogBytes = 1024 * 1024;
const backlogLeftBytes = backlogBytes / 4;

const heartbeatFrame = Buffer.of(frameTypes.heartbeat, 0, 0, 0, 0, 0, 0, frameEnd);
const deliverKey = methodKey(60, 60);
const ackKey = methodKey(60, 80);

/** Slabs that were written. All connections share them, so that an idle connection needs no slab. */
const free: Buffer[] = [];
const freeLimit = 32;
const noSlab = Buffer.alloc(0);

/** Bytes that wait for the end of a hold. */
interface HeldBytes {
  readonly bytes: Buffer;
  readonly done: (() => void) | undefined;
}

interface OutputParts {
  readonly frameMax: number;
  readonly onFirst: () => void;
  readonly onRoom: () => void;
  /** `undefined` without simulated faults. */
  readonly latency?: Latency | undefined;
}

export class Output {
  frameMax: number;
  /** True if the client has too many unread bytes. */
  isBacklogged = false;
  /** Number of bytes and of writes so far, for the management API. */
  bytes = 0;
  writes = 0;
  readonly #socket: Socket;
  /** Called at the first frame of a tick. The callee has to call `flush` at the end of the tick. */
  readonly #onFirst: () => void;
  /** Called when the client has read most of a backlog. */
  readonly #onRoom: () => void;
  readonly #latency: Latency | undefined;
  #slab: Buffer = noSlab;
  #used = 0;
  /** Bytes of the slab that were passed to the socket. */
  #written = 0;
  #isDirty = false;
  #holds = 0;
  #held: HeldBytes[] = [];
  #isFlushDue = false;
  #isEnding = false;
  /** Bytes written since the last flush. */
  #fresh = 0;

  constructor(socket: Socket, { frameMax, onFirst, onRoom, latency }: OutputParts) {
    this.#socket = socket;
    this.frameMax = frameMax;
    this.#onFirst = onFirst;
    this.#onRoom = onRoom;
    this.#latency = latency;
    socket.on('drain', () => this.#checkRoom());
  }

  method<N extends MethodName>(channel: number, name: N, fields: MethodInput<N>): void {
    this.#frame(frameTypes.method, channel, encodeMethod(name, fields));
  }

  /** Sends a heartbeat even during a hold. Otherwise a slow disk would make the client close the connection. */
  heartbeat(): void {
    if (this.#holds > 0) this.#send(heartbeatFrame);
    else this.#frame(frameTypes.heartbeat, 0, Buffer.alloc(0));
  }

  /** Writes basic.ack. */
  ack(channel: number, deliveryTag: number, multiple: boolean): void {
    let at = this.#room(21);
    const slab = this.#slab;
    at = frameHead(slab, at, frameTypes.method, channel, 13);
    at = uint32(slab, at, ackKey);
    at = uint64(slab, at, deliveryTag);
    slab[at++] = multiple ? 1 : 0;
    slab[at++] = frameEnd;
    this.#used = at;
  }

  /** Writes a method with content: basic.return or basic.get-ok. */
  content<N extends MethodName>(channel: number, name: N, fields: MethodInput<N>, message: Message): void {
    this.method(channel, name, fields);
    this.#message(channel, message);
  }

  /** Writes basic.deliver, the most frequent method. */
  deliver(channel: number, consumerTag: string, deliveryTag: number, redelivered: boolean, message: Message): void {
    let at = this.#room(headLimit);
    const slab = this.#slab;
    const start = at;
    at = uint32(slab, at + 7, deliverKey);
    at = shortstr(slab, at, consumerTag);
    at = uint64(slab, at, deliveryTag);
    slab[at++] = redelivered ? 1 : 0;
    at = shortstr(slab, at, message.exchange);
    at = shortstr(slab, at, message.routingKey);
    frameHead(slab, start, frameTypes.method, channel, at - start - 7);
    slab[at++] = frameEnd;
    this.#used = at;
    this.#message(channel, message);
  }

  /** Number of bytes that the socket has not sent yet. */
  get waitingBytes(): number {
    return this.#socket.writableLength;
  }

  /** Holds back all following frames until `release`, because they report changes that are not on disk. */
  hold(): void {
    if (this.#holds === 0) this.#endSlab();
    this.#holds++;
  }

  release(): void {
    if (--this.#holds > 0) return;
    this.#socket.cork();
    for (const { bytes, done } of this.#held.splice(0)) this.#write(bytes, done);
    this.#socket.uncork();
    if (this.#isFlushDue) this.flush();
    if (this.#isEnding) this.#endSocket();
  }

  /** Drops the frames that are held back. */
  discard(): void {
    if (this.#holds === 0) return;
    this.#held = [];
    this.#used = this.#written;
  }

  /** Closes the socket after everything has been written. */
  end(): void {
    this.#isEnding = true;
    this.flush();
    if (this.#holds === 0) this.#endSocket();
  }

  /** Writes the frames of this tick to the socket. */
  flush(): void {
    this.#isFlushDue = this.#holds > 0;
    if (!this.#isFlushDue) this.#endSlab();
    // Frames that were written before the hold are sent now.
    this.#socket.uncork();
    if (this.#isFlushDue) return;
    this.#isDirty = false;
    this.#fresh = 0;
    if (this.isBacklogged) this.#checkRoom();
  }

  /** Writes the content header and the body of a message. */
  #message(channel: number, message: Message): void {
    const { content, propertiesLength, bodyLength } = message;
    const isSmall = bodyLength <= copyLimit && bodyLength <= this.frameMax - frameOverhead;
    let at = this.#room(20 + propertiesLength + (isSmall ? bodyLength + frameOverhead : 0));
    const slab = this.#slab;
    at = frameHead(slab, at, frameTypes.header, channel, 12 + propertiesLength);
    at = uint32(slab, at, 60 << 16);
    at = uint64(slab, at, bodyLength);
    at = copyBytes(content, 0, propertiesLength, slab, at);
    slab[at++] = frameEnd;
    if (isSmall) {
      if (bodyLength > 0) {
        at = frameHead(slab, at, frameTypes.body, channel, bodyLength);
        at = copyBytes(content, propertiesLength, content.length, slab, at);
        slab[at++] = frameEnd;
      }
      this.#used = at;
      return;
    }
    this.#used = at;
    this.#body(channel, message);
  }

  /** Writes the body frames of a large body. Does not copy the body. */
  #body(channel: number, { content, propertiesLength, more, bodyLength }: Message): void {
    let left = bodyLength;
    let frameLeft = 0;
    const first = content.subarray(propertiesLength);
    for (const slice of more.length === 0 ? [first] : [first, ...more]) {
      for (let start = 0; start < slice.length; ) {
        if (frameLeft === 0) frameLeft = this.#beginBody(channel, left);
        const end = Math.min(slice.length, start + frameLeft);
        this.#writeSlab();
        this.#write(end - start === slice.length ? slice : slice.subarray(start, end));
        left -= end - start;
        frameLeft -= end - start;
        start = end;
        if (frameLeft === 0) this.#endBody();
      }
    }
  }

  /** Begins a body frame. Returns the length of its payload. */
  #beginBody(channel: number, left: number): number {
    const length = Math.min(left, this.frameMax - frameOverhead);
    const at = this.#room(7);
    this.#used = frameHead(this.#slab, at, frameTypes.body, channel, length);
    return length;
  }

  #endBody(): void {
    const at = this.#room(1);
    this.#slab[at] = frameEnd;
    this.#used = at + 1;
  }

  #frame(type: number, channel: number, payload: Buffer): void {
    let at = this.#room(payload.length + frameOverhead);
    const slab = this.#slab;
    at = frameHead(slab, at, type, channel, payload.length);
    payload.copy(slab, at);
    at += payload.length;
    slab[at++] = frameEnd;
    this.#used = at;
  }

  /** Makes room for bytes in the slab. Returns the offset of the first one. */
  #room(length: number): number {
    if (!this.#isDirty) {
      this.#isDirty = true;
      this.#socket.cork();
      this.#onFirst();
    }
    if (this.#slab !== noSlab && this.#used + length > this.#slab.length) this.#endSlab();
    if (this.#slab === noSlab) {
      this.#slab =
        length > slabSize ? Buffer.allocUnsafeSlow(length) : (free.pop() ?? Buffer.allocUnsafeSlow(slabSize));
    }
    return this.#used;
  }

  /** Writes the new bytes of the slab. `done` is called when they, and all earlier bytes of the slab, have been sent. */
  #writeSlab(done?: () => void): void {
    if (this.#used === this.#written) return;
    this.#write(this.#slab.subarray(this.#written, this.#used), done);
    this.#written = this.#used;
  }

  /** Writes the slab. Another one is used for the next frames. */
  #endSlab(): void {
    const slab = this.#slab;
    this.#writeSlab(() => {
      if (slab.length === slabSize && free.length < freeLimit) free.push(slab);
    });
    this.#slab = noSlab;
    this.#used = 0;
    this.#written = 0;
  }

  #write(bytes: Buffer, done?: (() => void) | undefined): void {
    this.#fresh += bytes.length;
    if (this.#holds > 0) {
      this.#held.push({ bytes, done });
      if (this.#fresh > backlogBytes) this.isBacklogged = true;
      return;
    }
    this.#send(bytes, done);
    if (this.#socket.writableLength > backlogBytes || this.#fresh > backlogBytes) this.isBacklogged = true;
  }

  #send(bytes: Buffer, done?: (() => void) | undefined): void {
    this.bytes += bytes.length;
    this.writes++;
    if (this.#latency === undefined) this.#transmit(bytes, done);
    else this.#latency.send(() => this.#transmit(bytes, done));
  }

  #transmit(bytes: Buffer, done?: (() => void) | undefined): void {
    if (this.#socket.writable) this.#socket.write(bytes, done);
  }

  #endSocket(): void {
    if (this.#latency === undefined) this.#socket.end();
    else this.#latency.send(() => this.#socket.end());
  }

  #checkRoom(): void {
    if (!this.isBacklogged || this.#isDirty || this.#socket.writableLength > backlogLeftBytes) return;
    this.isBacklogged = false;
    this.#onRoom();
  }
}

function frameHead(slab: Buffer, start: number, type: number, channel: number, size: number): number {
  slab[start] = type;
  slab[start + 1] = channel >> 8;
  slab[start + 2] = channel;
  return uint32(slab, start + 3, size);
}

function uint32(slab: Buffer, at: number, value: number): number {
  slab[at] = value >>> 24;
  slab[at + 1] = value >>> 16;
  slab[at + 2] = value >>> 8;
  slab[at + 3] = value;
  return at + 4;
}

function uint64(slab: Buffer, at: number, value: number): number {
  return uint32(slab, uint32(slab, at, Math.floor(value / 0x1_0000_0000)), value >>> 0);
}

/** Writes a short string. A loop is faster than a native call, because names are short and mostly ASCII. */
function shortstr(slab: Buffer, start: number, text: string): number {
  const { length } = text;
  let at = start + 1;
  for (let index = 0; index < length; index++) {
    const code = text.charCodeAt(index);
    if (code > 0x7f) {
      const written = slab.write(text, start + 1, 'utf8');
      slab[start] = written;
      return start + 1 + written;
    }
    slab[at++] = code;
  }
  slab[start] = length;
  return at;
}
