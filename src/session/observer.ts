// Reads the state of the broker over AMQP, with passive declarations that create nothing.

import { MqError } from '../errors.ts';
import { type Timer, time } from '../time.ts';
import type { Channel } from './channel.ts';
import type { BrokerConnection } from './connecting/broker-connection.ts';
import { endChannel } from './consuming/channel-end.ts';
import { failureOf } from './failure.ts';

interface Depth {
  readonly ready: number;
  readonly consumers: number;
}

/** `exclusive`: a queue that belongs to another connection, so that nothing more is known. */
type Presence = 'exists' | 'missing' | 'exclusive';

/** Time limit of a call, in milliseconds. Without it, a call would wait as long as the connection is lost. */
const answerMs = 3000;
const notFound = 404;
/** AMQP 0-9-1, 1.8: resource-locked. */
const locked = 405;

/** Reads queues and exchanges by the broker's names. It continues to work after a lost connection. */
export class Observer {
  readonly #connection: BrokerConnection;
  readonly #vhost: string;
  /** Number of calls that timed out and still wait for the broker. */
  #late = 0;

  constructor(connection: BrokerConnection, vhost: string) {
    this.#connection = connection;
    this.#vhost = vhost;
  }

  /**
   * Returns the depths by queue. Missing queues are omitted. Throws UNAVAILABLE if there is no answer within 3 seconds.
   */
  async depths(queues: readonly string[]): Promise<Map<string, Depth>> {
    const depths = new Map<string, Depth>();
    await this.#ask(queues, async (queue, channel) => {
      const found = await answer<Depth>(channel, (settle) =>
        channel.checkQueue(queue, (error, ok) =>
          settle(error ? undefined : { ready: ok.messageCount, consumers: ok.consumerCount }),
        ),
      );
      if (found) depths.set(queue, found);
      return found !== undefined;
    });
    return depths;
  }

  /** Reports whether an exchange exists. Throws UNAVAILABLE if there is no answer within 3 seconds. */
  async hasExchange(exchange: string): Promise<boolean> {
    let isThere = false;
    await this.#ask([exchange], async (name, channel) => {
      const found = await answer<true>(channel, (settle) =>
        channel.checkExchange(name, (error) => settle(error ? undefined : true)),
      );
      isThere = found === true;
      return isThere;
    });
    return isThere;
  }

  /**
   * Reports whether a queue or exchange exists. Throws UNAVAILABLE if there is no answer within 3 seconds, and the error
   * of the broker if it does not tell, for example NOT_PERMITTED.
   */
  async presence(kind: 'queue' | 'exchange', name: string): Promise<Presence> {
    let presence: Presence = 'missing';
    await this.#ask([name], async (_, channel) => {
      presence = await presenceOn(channel, kind, name);
      return presence === 'exists';
    });
    return presence;
  }

  /**
   * Calls `ask` for each name in turn, within the time limit. While a call that timed out still waits, further calls
   * fail at once, because each would wait for another channel. `ask` returns whether the channel is still open, because
   * the answer "not found" closes it (AMQP 0-9-1, 1.7.2.1).
   */
  async #ask(names: readonly string[], ask: (name: string, channel: Channel) => Promise<boolean>): Promise<void> {
    if (this.#late > 0) throw noAnswer();
    let isLate = false;
    let channel: Channel | undefined;
    const work = async () => {
      for (const name of names) {
        channel ??= await this.#open();
        if (isLate) break;
        if (!(await ask(name, channel))) channel = undefined;
      }
      if (channel) endChannel(channel);
    };
    // If the connection is lost between two calls, amqplib throws at the next one.
    const working = work().catch((error: unknown) => {
      throw failureOf(error, (text) => text);
    });
    let timer: Timer | undefined;
    const late = new Promise<never>((_, reject) => {
      timer = time.after(answerMs, () => {
        isLate = true;
        this.#late += 1;
        const over = () => {
          this.#late -= 1;
        };
        working.then(over, over);
        if (channel) endChannel(channel);
        reject(noAnswer());
      });
    });
    working.catch(() => undefined);
    try {
      await Promise.race([working, late]);
    } finally {
      timer?.cancel();
    }
  }

  async #open(): Promise<Channel> {
    const channel = await this.#connection.channel(this.#vhost);
    channel.on('error', () => undefined);
    return channel;
  }
}

function noAnswer(): MqError {
  return new MqError('UNAVAILABLE', 'no answer from the broker');
}

/** Returns the answer, or `undefined` if the item does not exist. Rejects if the channel closes for another reason. */
function answer<T>(channel: Channel, ask: (settle: (found: T | undefined) => void) => void): Promise<T | undefined> {
  return new Promise((resolve, reject) => {
    let code: unknown;
    const failed = (error: Error & { code?: unknown }) => {
      code = error.code;
    };
    const closed = () => {
      if (code === notFound) resolve(undefined);
      else reject(lost());
    };
    channel.once('error', failed);
    channel.once('close', closed);
    ask((found) => {
      // A failure closes the channel, and the close event contains the reason.
      if (found === undefined) return;
      channel.off('error', failed);
      channel.off('close', closed);
      resolve(found);
    });
  });
}

function presenceOn(channel: Channel, kind: 'queue' | 'exchange', name: string): Promise<Presence> {
  return new Promise((resolve, reject) => {
    let refusal: (Error & { code?: unknown }) | undefined;
    channel.once('error', (error: Error) => {
      refusal = error;
    });
    channel.once('close', () => {
      // RabbitMQ also answers 404 if the node of a queue is down, with another text.
      if (refusal?.code === notFound && refusal.message.includes(`no ${kind} '`)) resolve('missing');
      else if (refusal?.code === locked) resolve('exclusive');
      else reject(refusal ?? lost());
    });
    const settle = (error: unknown) => {
      if (!error) resolve('exists');
    };
    if (kind === 'queue') channel.checkQueue(name, settle);
    else channel.checkExchange(name, settle);
  });
}

function lost(): MqError {
  return new MqError('UNAVAILABLE', 'the connection was lost before the broker answered');
}
