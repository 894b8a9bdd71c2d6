// Runs a consumer on a fake connection whose answers the test chooses.

import { EventEmitter } from 'node:events';
import type { MqError } from '../../src/errors.ts';
import type { Channel } from '../../src/session/channel.ts';
import type { BrokerConnection } from '../../src/session/connecting/broker-connection.ts';
import { Consumer } from '../../src/session/consumer.ts';
import { newCounts } from '../../src/session/counts.ts';
import type { RawMessage } from '../../src/session/raw-message.ts';

/**
 * Reaction of the broker to basic.consume. 'closes' sends consume-ok and closes the channel in one packet. 'loses'
 * loses the connection.
 */
type Answer = 'ok' | 'closes' | 'loses' | Error;

/** Returns a consumer of a broker that answers basic.consume with `answers`, then with 'ok'. */
export function consuming(
  answers: readonly Answer[],
  { declared = {}, watchMs = 60_000, addresses = 1, messageCount = 0, prefetch = 10, held, type }: Given = {},
) {
  const release = Promise.withResolvers<void>();
  const at = async (step: Step, go: () => void) => {
    if (step === held) await release.promise;
    go();
  };
  const seen = {
    consumed: 0,
    closed: 0,
    asked: 0,
    looks: 0,
    types: 0,
    interrupted: [] as string[],
    answers: [] as string[],
  };
  const consumers: { options: object; deliver: (raw: RawMessage) => void; channel: Channel }[] = [];
  const connection = new EventEmitter();
  const channel = async (): Promise<Channel> => {
    await at('channel', () => undefined);
    const made = new EventEmitter();
    let isClosed = false;
    const gone = () => {
      isClosed = true;
      made.emit('close');
    };
    return Object.assign(made, {
      prefetch: (_: number, __: boolean, next: (error: null) => void) => at('prefetch', () => next(null)),
      consume: (
        _: string,
        deliver: (raw: RawMessage) => void,
        options: { arguments?: { 'x-stream-offset'?: unknown } },
        next: (error: Error | null, ok: object) => void,
      ) => {
        const start = options.arguments?.['x-stream-offset'];
        if (type !== undefined && start === 'next') {
          seen.types += 1;
          next(type === 'stream' ? null : new Error(refusal(type)), {});
          return;
        }
        consumers.push({ options, deliver, channel: made as unknown as Channel });
        const answer = answers[seen.consumed] ?? 'ok';
        seen.consumed += 1;
        if (answer instanceof Error || answer === 'loses') {
          next(answer instanceof Error ? answer : new Error('Channel closed'), {});
          gone();
          if (answer === 'loses') connection.emit('lost');
          return;
        }
        if (held === 'consume') return void at('consume', () => next(null, { consumerTag: 'tag' }));
        next(null, { consumerTag: 'tag' });
        if (answer === 'closes') gone();
      },
      checkQueue: (_: string, next: (error: null, ok: object) => void) => {
        seen.looks += 1;
        next(null, { consumerCount: 0, messageCount });
      },
      get: (_: string, __: object, next: (error: null, raw: false) => void) => {
        seen.asked += 1;
        next(null, false);
      },
      cancel: (_: string, next: () => void) => {
        seen.answers.push('cancel');
        next();
      },
      nack: ({ fields }: RawMessage) => seen.answers.push(`nack ${fields.deliveryTag}`),
      close: () => {
        if (isClosed) throw new Error('IllegalOperationError: Channel closed');
        seen.closed += 1;
        gone();
      },
    }) as unknown as Channel;
  };
  const fake = Object.assign(connection, {
    channel,
    answered: (_: string, answer: Promise<unknown>) => answer,
    queueOf: () => ({ name: 'q', declaredArguments: declared ?? undefined, isTransient: false }),
    addresses,
    leave: () => connection.emit('lost'),
  });
  const counts = newCounts();
  const consumer = new Consumer(fake as unknown as BrokerConnection, {
    vhost: '/',
    subscription: 's',
    prefetch,
    options: {},
    watchMs,
    quietMs: 4,
    counts,
    redact: (text) => text,
  });
  consumer.on('interrupted', ({ message }: MqError) => seen.interrupted.push(message));
  return { consumer, seen, counts, consumers, release: release.resolve };
}
interface Given {
  /** Arguments of the queue. `null` if they are unknown. */
  declared?: Readonly<Record<string, unknown>> | null;
  watchMs?: number;
  addresses?: number;
  messageCount?: number;
  prefetch?: number;
  /** The broker answers this step only after `release`. */
  held?: Step;
  /** Type that the broker reports for the queue. */
  type?: 'classic' | 'quorum' | 'stream';
}
type Step = 'channel' | 'prefetch' | 'consume';

const refusal = (type: string) =>
  `PRECONDITION_FAILED - invalid arg 'x-stream-offset' for queue 'q' in vhost '/' of queue type rabbit_${type}_queue`;
