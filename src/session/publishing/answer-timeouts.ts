// Decides how long a publisher waits for the answers of the broker. Two time limits run while messages have no answer:
// after the first, mq reconnects to another node; after the second, the messages are in doubt.

import { time } from '../../time.ts';
import { SendProgress, type Upload } from './send-progress.ts';

interface AnswerTimeoutSettings {
  /** Milliseconds without an answer or a connection after which messages are in doubt. */
  readonly timeoutMs: number;
  /** Milliseconds without an answer or progress in sending after which mq leaves the node. Default 25,000. */
  readonly nodeTimeoutMs?: number | undefined;
  /** `true` if `timeoutMs` also runs while the broker blocks the connection. Default `false`. */
  readonly limitsBlocking?: boolean | undefined;
  /** Returns milliseconds of a monotonic clock. Default: `performance.now()`. */
  readonly now?: (() => number) | undefined;
}

/** The action that the publisher must take. `reconnect` contains the time limit that the node has exceeded. */
type Verdict =
  | { readonly type: 'wait' }
  | { readonly type: 'reconnect'; readonly afterMs: number }
  | { readonly type: 'in doubt' };

/** Milliseconds between two checks, unless a time limit is shorter. */
const checkMs = 1000;
/** If more milliseconds than this pass between two checks, the process was suspended. */
const suspendedMs = 5 * checkMs;
/** 25 s are 2.5 heartbeats of 10 s. */
const defaultNodeTimeoutMs = 25_000;
/** Maximum factor of the node's time limit, which grows so that mq does not repeatedly resend all messages. */
const largestFactor = 8;
/**
 * A nack that arrives later than this (in milliseconds) means "no quorum", not "refused". RabbitMQ: a node without a
 * majority nacks messages to a quorum queue after 15 s, but another node accepts them.
 */
export const lateNackMs = 10_000;

const wait: Verdict = { type: 'wait' };

export class AnswerTimeouts {
  readonly #now: () => number;
  readonly #timeoutMs: number;
  readonly #nodeTimeoutMs: number;
  readonly #limitsBlocking: boolean;
  /** Time of the last answer, or of the start of waiting. Leaving a node does not reset it. */
  #answeredAt: number;
  /** Like `#answeredAt`, but for the current node. Sending queued data also updates it. */
  #nodeAt: number;
  /** Time when queued data was last sent, or when this process resumed. The delay of a nack is measured from then. */
  #sentAt = 0;
  /** Time of the last check. */
  #checkedAt: number;
  /** Current factor of the node's time limit: 1, 2, 4, 8. */
  #factor = 1;
  #hasLeft = false;
  /** `true` if the node has answered since the previous channel was opened. */
  #hasAnswered = true;
  #isBlocked = false;
  readonly #progress = new SendProgress();

  constructor({
    timeoutMs,
    nodeTimeoutMs = defaultNodeTimeoutMs,
    limitsBlocking = false,
    now = () => time.now(),
  }: AnswerTimeoutSettings) {
    this.#now = now;
    this.#timeoutMs = timeoutMs;
    this.#nodeTimeoutMs = nodeTimeoutMs;
    this.#limitsBlocking = limitsBlocking;
    this.#answeredAt = this.#nodeAt = this.#checkedAt = now();
  }

  /** Milliseconds after which `check` must be called again. */
  get checkMs(): number {
    return Math.min(checkMs, this.#timeoutMs, this.#nodeTimeoutMs);
  }

  /** Starts both time limits. Call this when a message is sent and no other message is waiting for an answer. */
  start(): void {
    this.#answeredAt = this.#nodeAt = this.#now();
  }

  get isBlocked(): boolean {
    return this.#isBlocked;
  }

  /** Stops the time limits while the broker blocks the connection. With `limitsBlocking`, the second one continues. */
  block(): void {
    this.#isBlocked = true;
  }

  unblock(): void {
    this.#isBlocked = false;
    this.start();
  }

  /**
   * Ends a block, and starts the time limits that it stopped. RabbitMQ: a block applies to one connection, and the
   * broker reports it again on the next one.
   */
  connectionLost(): void {
    if (this.#isBlocked && !this.#limitsBlocking) this.start();
    this.#isBlocked = false;
  }

  /** Records that mq has left the node. The next channel belongs to another node. */
  nodeLeft(): void {
    this.#hasLeft = true;
  }

  channelOpened(): void {
    this.#nodeAt = this.#now();
    // If the previous channel received no answer, opening a new channel is not progress.
    if (!this.#hasLeft && this.#hasAnswered) this.#answeredAt = this.#nodeAt;
    this.#hasLeft = false;
    this.#hasAnswered = false;
  }

  /** Records a confirm, or a nack that is not late. */
  answered(): void {
    const now = this.#now();
    if (now - this.#nodeAt < this.#nodeTimeoutMs) this.#factor = 1;
    this.#nodeAt = now;
    this.#answeredAt = now;
    this.#hasAnswered = true;
  }

  /** Reports whether a nack for a message that was written at `writtenAt` means "no quorum". */
  isLateNack(writtenAt: number): boolean {
    this.#noticeSuspension(); // after a suspension, the answers are read before the next check
    return this.#now() - Math.max(writtenAt, this.#sentAt) >= lateNackMs;
  }

  /** Doubles the node's time limit, because mq leaves a node that did not answer. */
  extend(): void {
    this.#factor = Math.min(2 * this.#factor, largestFactor);
  }

  /**
   * Returns what the publisher must do now. `socket` belongs to the open channel. It is `undefined` if no channel is
   * open.
   */
  check({ isWaiting, socket }: { isWaiting: boolean; socket: Upload | undefined }): Verdict {
    this.#noticeSuspension();
    // Progress in sending restarts the limit, because the broker cannot confirm unsent messages.
    if (socket && this.#progress.hasMoved(socket)) this.#sentAt = this.#nodeAt = this.#now();
    if (!isWaiting || (this.#isBlocked && !this.#limitsBlocking)) return wait;
    const now = this.#now();
    if (now - this.#answeredAt >= this.#timeoutMs) return { type: 'in doubt' };
    if (this.#isBlocked) return wait;
    const afterMs = this.#nodeTimeoutMs * this.#factor;
    return socket && now - this.#nodeAt >= afterMs ? { type: 'reconnect', afterMs } : wait;
  }

  /** Starts the node's time limit again after the process was suspended, because it has not read the answers yet. */
  #noticeSuspension(): void {
    const now = this.#now();
    if (now - this.#checkedAt > suspendedMs) this.#sentAt = this.#nodeAt = now;
    this.#checkedAt = now;
  }
}
