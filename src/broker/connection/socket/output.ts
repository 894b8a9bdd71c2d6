// What goes out on one connection: frames are gathered in a slab and written once a turn of the event loop.

import type { Socket } from 'node:net';
import { frameEnd, frameOverhead, frameTypes } from '../../codec/frames.ts';
import { encodeMethod, type MethodInput, type MethodName, methodKey } from '../../codec/methods.ts';
import type { Message } from '../../queue/message.ts';

const slabSize = 64 * 1024;
/** A larger body is not copied into the slab, but written as it is. */
const copyLimit = 4096;
/** Fields of a deliver, and the frames around its parts, are never longer. */
const headLimit = 1024;
/** With more than this on the way, the peer does not read; it gets no more messages until it has read most of it. */
const backlogBytes = 1024 * 1024;
const backlogLeftBytes = backlogBytes / 4;

const heartbeatFrame = Buffer.of(frameTypes.heartbeat, 0, 0, 0, 0, 0, 0, frameEnd);
const deliverKey = methodKey(60, 60);
const ackKey = methodKey(60, 80);

/** Slabs that were written, for the next who needs one: idle connections have none. */
const free: Buffer[] = [];
const freeLimit = 32;

export class Output {
  frameMax: number;
  /** The peer does not read what it is sent. */
  isBacklogged = false;
  /** Counters for the management. */
  bytes = 0;
  writes = 0;
  readonly #socket: Socket;
  /** Has to have `flush` called at the end of the turn. */
  readonly #onFirst: () => void;
  readonly #onRoom: () => void;
  #slab: Buffer | undefined;
  #used = 0;
  #isDirty = false;
  #holds = 0;
  /** Written during a hold. */
  #held: { readonly bytes: Buffer; readonly done: (() => void) | undefined }[] = [];
  #isFlushDue = false;
  #isEnding = false;
  /** Written since the last flush. */
  #fresh = 0;

  constructor(
    socket: Socket,
    { frameMax, onFirst, onRoom }: { frameMax: number; onFirst: () => void; onRoom: () => void },
  ) {
    this.#socket = socket;
    this.frameMax = frameMax;
    this.#onFirst = onFirst;
    this.#onRoom = onRoom;
    socket.on('drain', () => this.#checkRoom());
  }

  method<N extends MethodName>(channel: number, name: N, fields: MethodInput<N>): void {
    this.#frame(frameTypes.method, channel, encodeMethod(name, fields));
  }

  /** Also during a hold: a client that waits for a slow disk must not take the broker for dead. */
  heartbeat(): void {
    if (this.#holds > 0) this.#send(heartbeatFrame);
    else this.#frame(frameTypes.heartbeat, 0, Buffer.alloc(0));
  }

  /** basic.ack */
  ack(channel: number, deliveryTag: number, multiple: boolean): void {
    let at = this.#room(21);
    const slab = this.#slab as Buffer;
    at = frameHead(slab, at, frameTypes.method, channel, 13);
    at = uint32(slab, at, ackKey);
    at = uint64(slab, at, deliveryTag);
    slab[at++] = multiple ? 1 : 0;
    slab[at++] = frameEnd;
    this.#used = at;
  }

  /** A method with content: basic.return and basic.get-ok. */
  content<N extends MethodName>(channel: number, name: N, fields: MethodInput<N>, message: Message): void {
    this.method(channel, name, fields);
    this.#message(channel, message);
  }

  /** basic.deliver, the method that has to be fast. */
  deliver(channel: number, consumerTag: string, deliveryTag: number, redelivered: boolean, message: Message): void {
    let at = this.#room(headLimit);
    const slab = this.#slab as Buffer;
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

  /** Handed over and not taken by the peer. */
  get waitingBytes(): number {
    return this.#socket.writableLength;
  }

  /** Nothing that follows is handed over until `release`: what it reports is not true yet. */
  hold(): void {
    if (this.#holds === 0) this.#writeSlab();
    this.#holds++;
  }

  release(): void {
    if (--this.#holds > 0) return;
    this.#socket.cork();
    for (const { bytes, done } of this.#held.splice(0)) this.#write(bytes, done);
    this.#socket.uncork();
    if (this.#isFlushDue) this.flush();
    if (this.#isEnding) this.#socket.end();
  }

  /** Drops what is held. */
  discard(): void {
    if (this.#holds === 0) return;
    this.#held = [];
    this.#used = 0;
  }

  /** Nothing follows. */
  end(): void {
    this.#isEnding = true;
    this.flush();
    if (this.#holds === 0) this.#socket.end();
  }

  /** Hands everything over to the socket. */
  flush(): void {
    this.#isFlushDue = this.#holds > 0;
    if (!this.#isFlushDue) this.#writeSlab();
    // What was written before a hold does not wait for its end.
    this.#socket.uncork();
    if (this.#isFlushDue) return;
    this.#isDirty = false;
    this.#fresh = 0;
    if (this.isBacklogged) this.#checkRoom();
  }

  /** Content header and body. */
  #message(channel: number, message: Message): void {
    const { content, propertiesLength } = message;
    const bodyLength = content.length - propertiesLength;
    const isSmall = bodyLength <= copyLimit && bodyLength <= this.frameMax - frameOverhead;
    let at = this.#room(20 + propertiesLength + (isSmall ? bodyLength + frameOverhead : 0));
    const slab = this.#slab as Buffer;
    at = frameHead(slab, at, frameTypes.header, channel, 12 + propertiesLength);
    at = uint32(slab, at, 60 << 16);
    at = uint64(slab, at, bodyLength);
    at = copy(slab, at, content, 0, propertiesLength);
    slab[at++] = frameEnd;
    if (isSmall) {
      if (bodyLength > 0) {
        at = frameHead(slab, at, frameTypes.body, channel, bodyLength);
        at = copy(slab, at, content, propertiesLength, content.length);
        slab[at++] = frameEnd;
      }
      this.#used = at;
      return;
    }
    this.#used = at;
    const pieceMax = this.frameMax - frameOverhead;
    for (let start = propertiesLength; start < content.length; start += pieceMax) {
      this.#piece(channel, content.subarray(start, Math.min(start + pieceMax, content.length)));
    }
  }

  /** One body frame. */
  #piece(channel: number, bytes: Buffer): void {
    this.#used = frameHead(this.#slab as Buffer, this.#room(7), frameTypes.body, channel, bytes.length);
    this.#writeSlab();
    this.#write(bytes);
    const at = this.#room(1);
    (this.#slab as Buffer)[at] = frameEnd;
    this.#used = at + 1;
  }

  #frame(type: number, channel: number, payload: Buffer): void {
    let at = this.#room(payload.length + frameOverhead);
    const slab = this.#slab as Buffer;
    at = frameHead(slab, at, type, channel, payload.length);
    payload.copy(slab, at);
    at += payload.length;
    slab[at++] = frameEnd;
    this.#used = at;
  }

  /** Makes room in the slab, and gives where it is. */
  #room(length: number): number {
    if (!this.#isDirty) {
      this.#isDirty = true;
      this.#socket.cork();
      this.#onFirst();
    }
    if (this.#slab !== undefined && this.#used + length > this.#slab.length) this.#writeSlab();
    if (this.#slab === undefined) {
      this.#slab =
        length > slabSize ? Buffer.allocUnsafeSlow(length) : (free.pop() ?? Buffer.allocUnsafeSlow(slabSize));
      this.#used = 0;
    }
    return this.#used;
  }

  #writeSlab(): void {
    const slab = this.#slab;
    if (slab === undefined) return;
    this.#slab = undefined;
    if (this.#used === 0) return;
    this.#write(slab.subarray(0, this.#used), () => {
      if (slab.length === slabSize && free.length < freeLimit) free.push(slab);
    });
    this.#used = 0;
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
    if (this.#socket.writable) this.#socket.write(bytes, done);
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

/** Names are short and mostly ASCII: a loop is faster than a call into the engine. */
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

function copy(slab: Buffer, at: number, source: Buffer, start: number, end: number): number {
  if (end - start > 64) source.copy(slab, at, start, end);
  else for (let from = start, to = at; from < end; from++, to++) slab[to] = source[from] as number;
  return at + end - start;
}
