// Reads the frames of one client, one slice in each turn of the event loop. It stops reading while the client has to wait,
// for example for the disk. While memory is short, it parks the frames of basic.publish.

import type { Socket } from 'node:net';
import { time } from '../../../time.ts';
import { FrameParser, frameTypes, type OnFrame } from '../../codec/frames.ts';
import { methodKey } from '../../codec/methods.ts';
import { Sequence, type Slices, sliceMs, type Work } from '../../slices.ts';
import type { Store } from '../../store/contract.ts';

/** A reason to stop reading. `work` means that a request of the client needs more than one turn of the event loop. */
type Reason = 'memory' | 'disk' | 'output' | 'work';

/** A frame that waits for memory. */
interface ParkedFrame {
  readonly type: number;
  readonly channel: number;
  readonly payload: Buffer;
}

/** Reading stops while more bytes than this are parked. */
const parkedBytesLimit = 1024 * 1024;
/** Estimated memory overhead of a parked frame. */
const parkedFrameBytes = 200;
/** Reading stops while the client has more unread bytes than this. */
const unreadBytes = 8 * 1024 * 1024;
/** Reading stops while the store has more unwritten bytes than this. */
const unwrittenBytes = 32 * 1024 * 1024;
const publishKey = methodKey(60, 40);
const closeKey = methodKey(10, 50);
/** basic.ack, basic.reject and basic.nack, which free memory. */
const settlingKeys = [methodKey(60, 80), methodKey(60, 90), methodKey(60, 120)];

interface IntakeParts {
  readonly slices: Slices;
  readonly frameMax: number;
  readonly store: Store | undefined;
  readonly onFrame: OnFrame;
  readonly onError: (error: unknown) => void;
  /** Called when a frame is parked. */
  readonly onParked: () => void;
  /**
   * Returns true if acknowledgements of a channel may overtake its parked publishes. That is safe if the channel has
   * confirms. Without confirms, a client may publish a result, then acknowledge the request, and rely on that order.
   */
  readonly maySettle: (channel: number) => boolean;
  /** Returns true if the channel has received a basic.publish and its content is not complete. */
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
  #parked: ParkedFrame[] = [];
  #parkedChannels = new Set<number>();
  #parkedBytes = 0;
  /** Channels whose basic.publish was processed while a part of its content is still parked. */
  #unfinished = new Set<number>();

  constructor(socket: Socket, parts: IntakeParts) {
    this.#socket = socket;
    this.#parts = parts;
    this.#parser = new FrameParser(parts.frameMax, (...frame) => this.#receive(...frame));
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

  /** True while reading is paused and the client waits for the broker. */
  get isWaiting(): boolean {
    return this.#holds.size > 0 || this.#isScheduled;
  }

  push(chunk: Buffer): void {
    this.#slice(() => this.#parser.push(chunk));
  }

  /** Does work after all earlier work, then calls `done`. Reads nothing before that. */
  inOrder(work: Work, done?: () => void): void {
    this.#work.add(work, done);
  }

  /** Parks publishes until `unblock`. The client can still consume and acknowledge. */
  block(): void {
    this.#isBlocked = !this.#isEnding;
  }

  unblock(): void {
    this.#isBlocked = false;
    if (this.#parked.length > 0) this.#schedule();
  }

  /** Drops parked frames and ends all holds, because the connection ends. */
  end(): void {
    if (this.#isEnding) return;
    this.#isEnding = true;
    this.#isBlocked = false;
    this.#parked = [];
    this.#unfinished.clear();
    this.#holds.clear();
    this.#schedule();
  }

  /** Calls `done` when all received frames are processed, or at once if they wait for memory, disk or output. */
  whenRead(done: () => void): void {
    if (this.#isScheduled || this.#holds.has('work')) this.#onRead = done;
    else done();
  }

  /** Ignores everything that is received from now on. */
  stop(): void {
    this.#parser.stop();
  }

  /** Stops reading if the client does not read its answers, or sends faster than the disk writes. */
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
    // This is also needed if another reason remains, because processing parked frames can end the hold for memory.
    if (this.#holds.delete(reason)) this.#schedule();
  }

  #schedule(): void {
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    this.#parts.slices.add(() => {
      this.#isScheduled = false;
      this.#slice(() => this.#continue());
      return true;
    });
  }

  #continue(): void {
    if (this.#holds.has('output') || this.#holds.has('disk') || this.#holds.has('work')) return;
    if (this.#mayUnpark) this.#unpark();
    if (this.#holds.size === 0 && !this.#isScheduled) this.#parser.resume();
  }

  #slice(work: () => void): void {
    this.#sliceEnd = time.now() + sliceMs;
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

  #receive(type: number, channel: number, buffer: Buffer, start: number, end: number): void {
    if (this.#isParked(type, channel, buffer, start, end)) {
      this.#parked.push({ type, channel, payload: Buffer.from(buffer.subarray(start, end)) });
      this.#parkedChannels.add(channel);
      this.#parkedBytes += end - start + parkedFrameBytes;
      this.#parts.onParked();
      if (this.#parkedBytes > parkedBytesLimit) this.#hold('memory');
    } else this.#parts.onFrame(type, channel, buffer, start, end);
    this.#holdIfBehind();
    if (time.now() <= this.#sliceEnd) return;
    this.#pause();
    this.#schedule();
  }

  /**
   * Returns true if a frame must wait for memory. That is a publish while memory is short, a later frame of its channel, or a
   * later connection.close. Acknowledgements need not wait if `maySettle` allows it.
   */
  #isParked(type: number, channel: number, buffer: Buffer, start: number, end: number): boolean {
    if (!this.#isBlocked && this.#parked.length === 0) return false;
    const key = type === frameTypes.method && end - start >= 4 ? buffer.readUInt32BE(start) : 0;
    if (channel === 0) return key === closeKey && this.#parked.length > 0;
    if (!this.#parkedChannels.has(channel)) return this.#isBlocked && key === publishKey;
    return !(settlingKeys.includes(key) && this.#parts.maySettle(channel));
  }

  get #mayUnpark(): boolean {
    return !this.#holds.has('work') && (!this.#isBlocked || this.#unfinished.size > 0);
  }

  /**
   * Processes parked frames until memory is short again or the slice ends. It does not stop within a message, because an
   * acknowledgement that overtakes parked frames would come between a publish and its content (505).
   */
  #unpark(): void {
    let count = 0;
    try {
      // `end` may empty the list during the loop.
      for (let frame = this.#parked[0]; frame !== undefined && this.#mayUnpark; frame = this.#parked[count]) {
        count++;
        const { type, channel, payload } = frame;
        this.#parts.onFrame(type, channel, payload, 0, payload.length);
        if (this.#parts.awaitsContent(channel)) this.#unfinished.add(channel);
        else this.#unfinished.delete(channel);
        if (this.#unfinished.size > 0 || time.now() <= this.#sliceEnd) continue;
        this.#schedule();
        break;
      }
    } finally {
      this.#parked = this.#parked.slice(count);
      this.#parkedChannels = new Set(this.#parked.map(({ channel }) => channel));
      // If the rest of a content has not arrived yet, it will not be parked.
      this.#unfinished = this.#unfinished.intersection(this.#parkedChannels);
      this.#parkedBytes = this.#parked.reduce((sum, { payload }) => sum + payload.length + parkedFrameBytes, 0);
      if (this.#parkedBytes <= parkedBytesLimit) this.#holds.delete('memory');
    }
  }
}
