// What a broker reads from one client: a slice of frames in each turn, nothing while the client has to wait, and no
// basic.publish while memory is short.

import type { Socket } from 'node:net';
import { FrameParser, frameTypes, type OnFrame } from '../../codec/frames.ts';
import { methodKey } from '../../codec/methods.ts';
import { Sequence, type Slices, sliceMs, type Work } from '../../slices.ts';
import type { Store } from '../../store/contract.ts';

/** Why nothing is read. `work`: what the client has asked for last takes more than one turn. */
type Reason = 'memory' | 'disk' | 'output' | 'work';

interface Frame {
  readonly type: number;
  readonly channel: number;
  readonly payload: Buffer;
}

/** Bytes of publishes that wait until memory is free again. With more of them nothing is read. */
const parkedBytesLimit = 1024 * 1024;
/** Estimated memory of a frame that waits, beside its payload. */
const parkedFrameBytes = 200;
/** Answers that a client does not read, and messages that the disk has not taken: above that the client waits. */
const unreadBytes = 8 * 1024 * 1024;
const unwrittenBytes = 32 * 1024 * 1024;
const publishKey = methodKey(60, 40);
const closeKey = methodKey(10, 50);
/** basic.ack, basic.reject, basic.nack: they free memory. */
const settlingKeys = [methodKey(60, 80), methodKey(60, 90), methodKey(60, 120)];

interface IntakeParts {
  readonly slices: Slices;
  readonly frameMax: number;
  readonly store: Store | undefined;
  readonly onFrame: OnFrame;
  readonly onError: (error: unknown) => void;
  /** A publish has to wait until memory is free. */
  readonly onParked: () => void;
  /**
   * Whether acknowledgements of a channel may go before its publishes. They may if the client is told by confirms which
   * publishes were accepted: else it may have acknowledged a message because it has sent another one.
   */
  readonly maySettle: (channel: number) => boolean;
  /** Whether a publish has begun on the channel, and its content is not whole yet. */
  readonly awaitsContent: (channel: number) => boolean;
}

export class Intake {
  readonly #socket: Socket;
  readonly #parts: IntakeParts;
  readonly #parser: FrameParser;
  readonly #holds = new Set<Reason>();
  readonly #work: Sequence;
  #sliceEnd = 0;
  #isScheduled = false;
  #isBlocked = false;
  #isEnding = false;
  #onRead: (() => void) | undefined;
  #parked: Frame[] = [];
  #parkedChannels = new Set<number>();
  #parkedBytes = 0;
  /** Channels whose publish has been taken from what is parked, and its content is still there. */
  #unfinished = new Set<number>();

  constructor(socket: Socket, parts: IntakeParts) {
    this.#socket = socket;
    this.#parts = parts;
    this.#parser = new FrameParser(parts.frameMax, (...frame) => this.#take(...frame));
    this.#work = new Sequence(parts.slices, {
      onBusy: () => this.#hold('work'),
      onFree: () => this.#release('work'),
      onError: parts.onError,
    });
    socket.on('drain', () => this.#release('output'));
  }

  set frameMax(bytes: number) {
    this.#parser.frameMax = bytes;
  }

  /** Whether the client waits for the broker, and not the broker for the client. */
  get isWaiting(): boolean {
    return this.#holds.size > 0 || this.#isScheduled;
  }

  push(chunk: Buffer): void {
    this.#slice(() => this.#parser.push(chunk));
  }

  /** Does work after all earlier work. Reads nothing until it is done. */
  inOrder(work: Work, done?: () => void): void {
    this.#work.add(work, done);
  }

  /** Publishes wait until `unblock`. What consumes and acknowledges goes on. */
  block(): void {
    this.#isBlocked = !this.#isEnding;
  }

  unblock(): void {
    this.#isBlocked = false;
    if (this.#parked.length > 0) this.#schedule();
  }

  /** Drops what is parked, and holds nothing back any more: the broker ends the connection, or the client has gone. */
  end(): void {
    if (this.#isEnding) return;
    this.#isEnding = true;
    this.#isBlocked = false;
    this.#parked = [];
    this.#unfinished.clear();
    this.#holds.clear();
    this.#schedule();
  }

  /** Calls back once everything that has come is read, or at once if the client waits for memory, disk or output. */
  whenRead(done: () => void): void {
    if (this.#isScheduled || this.#holds.has('work')) this.#onRead = done;
    else done();
  }

  /** What comes from now on is thrown away. */
  stop(): void {
    this.#parser.stop();
  }

  /** The client waits when it does not read its answers, or when the disk is slower than it. */
  #holdIfBehind(): void {
    if (this.#isEnding) return;
    const { store } = this.#parts;
    if (this.#socket.writableLength > unreadBytes) this.#hold('output');
    if (store === undefined || store.pendingBytes <= unwrittenBytes || this.#holds.has('disk')) return;
    this.#hold('disk');
    store.committed(() => this.#release('disk'));
  }

  #hold(reason: Reason): void {
    this.#holds.add(reason);
    this.#pause();
  }

  #release(reason: Reason): void {
    // Also while another reason is left: what is parked may go, if memory is free again, and that ends the hold for memory.
    if (this.#holds.delete(reason)) this.#schedule();
  }

  #schedule(): void {
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    this.#parts.slices.add(() => {
      this.#isScheduled = false;
      this.#slice(() => this.#goOn());
      return true;
    });
  }

  #goOn(): void {
    if (this.#holds.has('output') || this.#holds.has('disk') || this.#holds.has('work')) return;
    if (this.#mayTakeParked) this.#takeParked();
    if (this.#holds.size === 0 && !this.#isScheduled) this.#parser.resume();
  }

  #slice(work: () => void): void {
    this.#sliceEnd = performance.now() + sliceMs;
    try {
      work();
    } catch (error) {
      this.#parts.onError(error);
    }
    if (!this.#isScheduled && !this.#holds.has('work')) this.#onRead?.();
    if (!this.isWaiting && this.#socket.isPaused()) this.#socket.resume();
  }

  #pause(): void {
    this.#parser.pause();
    this.#socket.pause();
  }

  #take(type: number, channel: number, buffer: Buffer, start: number, end: number): void {
    if (this.#isParked(type, channel, buffer, start, end)) {
      this.#parked.push({ type, channel, payload: Buffer.from(buffer.subarray(start, end)) });
      this.#parkedChannels.add(channel);
      this.#parkedBytes += end - start + parkedFrameBytes;
      this.#parts.onParked();
      if (this.#parkedBytes > parkedBytesLimit) this.#hold('memory');
    } else this.#parts.onFrame(type, channel, buffer, start, end);
    this.#holdIfBehind();
    if (performance.now() <= this.#sliceEnd) return;
    this.#pause();
    this.#schedule();
  }

  /** A publish while memory is short, or what follows it on its channel, or the end of the connection after one. */
  #isParked(type: number, channel: number, buffer: Buffer, start: number, end: number): boolean {
    if (!this.#isBlocked && this.#parked.length === 0) return false;
    const key = type === frameTypes.method && end - start >= 4 ? buffer.readUInt32BE(start) : 0;
    if (channel === 0) return key === closeKey && this.#parked.length > 0;
    if (!this.#parkedChannels.has(channel)) return this.#isBlocked && key === publishKey;
    return !(settlingKeys.includes(key) && this.#parts.maySettle(channel));
  }

  get #mayTakeParked(): boolean {
    return !this.#holds.has('work') && (!this.#isBlocked || this.#unfinished.size > 0);
  }

  /**
   * Takes what is parked, until memory is short again or the slice is over. It does not stop within a message, because an
   * acknowledgement that goes before what is parked would come between a publish and its content (505).
   */
  #takeParked(): void {
    let taken = 0;
    try {
      while (taken < this.#parked.length && this.#mayTakeParked) {
        const { type, channel, payload } = this.#parked[taken++] as Frame;
        this.#parts.onFrame(type, channel, payload, 0, payload.length);
        if (this.#parts.awaitsContent(channel)) this.#unfinished.add(channel);
        else this.#unfinished.delete(channel);
        if (this.#unfinished.size > 0 || performance.now() <= this.#sliceEnd) continue;
        this.#schedule();
        break;
      }
    } finally {
      this.#parked = this.#parked.slice(taken);
      this.#parkedChannels = new Set(this.#parked.map(({ channel }) => channel));
      // Content that is not there yet is taken as it comes.
      this.#unfinished = this.#unfinished.intersection(this.#parkedChannels);
      this.#parkedBytes = this.#parked.reduce((sum, { payload }) => sum + payload.length + parkedFrameBytes, 0);
      if (this.#parkedBytes <= parkedBytesLimit) this.#holds.delete('memory');
    }
  }
}
