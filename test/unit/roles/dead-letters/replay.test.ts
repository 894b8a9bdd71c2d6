// The replay of dead letters while the connection of their copies is lost.

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { Context } from '../../../../src/context.ts';
import { MqError } from '../../../../src/errors.ts';
import { Replay } from '../../../../src/roles/dead-letters/replay.ts';
import { type DlqSettings, dlq } from '../../../../src/roles/dlq.ts';
import type { PublishOutcome } from '../../../../src/session/outgoing-message.ts';
import type { BrowsedMessage, Session } from '../../../../src/session/session.ts';
import type { ConfirmChannel, RawMessage } from '../../../../src/session/wire.ts';

/** A dead letter that goes back to the queue `work` through a wait queue, because its first exchange was a topic. */
const letter: RawMessage = {
  content: Buffer.from('x'),
  fields: { consumerTag: '', deliveryTag: 1, exchange: '', routingKey: 'dead', redelivered: false },
  properties: {
    messageId: 'm',
    headers: { 'x-mq-queue': 'work', 'x-mq-exchange': 'topics', 'x-mq-routing-key': 'k' },
  },
};

type Next = (error: Error | null) => void;

/** A channel that calls `answer` for each check of a queue, and accepts each declaration. */
function channelWith(answer: (queue: string, next: Next) => void): ConfirmChannel {
  const assertQueue = (_queue: string, _options: object, next: Next) => next(null);
  return { checkQueue: answer, assertQueue } as unknown as ConfirmChannel;
}

/** Channels of a lost connection, before and after amqplib knows it. */
const lostChannels = {
  'whose connection is lost': channelWith((_, next) => next(new Error('Channel ended, no reply will be forthcoming'))),
  'that is closed': channelWith(() => {
    throw Object.assign(new Error('Channel closed'), { name: 'IllegalOperationError' });
  }),
};

for (const [title, lost] of Object.entries(lostChannels)) {
  test(`checks a queue on the next channel after a channel ${title}`, async () => {
    const settings = { queue: 'dead', toExchange: false, isSure: false, delayMs: 1000 };
    const replay = new Replay(settings, () => 'id');
    await replay.onChannel(lost);
    const copy = await replay.copyOf(letter);
    if (copy instanceof MqError) throw copy;
    assert.is(copy.routingKey, 'work.retry.1000');
    const missing = channelWith((queue, next) => next(new Error(`no queue ${queue}`)));
    const refusal = await replay.onChannel(missing).catch(({ message }: Error) => message);
    assert.is(refusal, 'no queue work');
    const checked: string[] = [];
    const restored = channelWith((queue, next) => {
      checked.push(queue);
      next(null);
    });
    await replay.onChannel(restored);
    await replay.onChannel(restored);
    await replay.copyOf(letter);
    assert.equal(checked, ['work']);
  });
}

/** Returns a session whose queue has one letter and is lost then, and whose publisher confirms the copy at the end. */
function lostSession(events: string[]): Session {
  const message: BrowsedMessage = {
    raw: letter,
    remove: () => events.push('removed'),
    leave: () => events.push('left'),
  };
  const browser = {
    total: 2,
    async *messages() {
      yield message;
      throw new MqError('UNAVAILABLE', 'the connection was lost');
    },
    flush: async () => undefined,
    close: async () => events.push('closed'),
  };
  let confirm = () => {};
  const publisher = {
    room: async () => undefined,
    send: (_copy: unknown, settle: (outcome: PublishOutcome) => void) => {
      confirm = () => settle({ type: 'confirmed' });
    },
    settled: async () => confirm(),
  };
  const reader = { browse: async () => browser, type: async () => 'classic' };
  return {
    queueReader: async () => reader,
    outcomePublisher: async () => ({ publisher, declared: new Map(), existingOnly: async () => new Set() }),
  } as unknown as Session;
}

test('mq dlq move waits for its copies after the queue is lost', async () => {
  const events: string[] = [];
  const { signal } = new AbortController();
  const output = { write: () => true };
  const context = { stdout: output, stderr: output, drain: signal, abandon: signal } as unknown as Context;
  const settings = {
    ...{ verb: 'move', vhost: '/', queue: 'dead', to: 'other', hasWholeIds: true, declared: {} },
    selection: { ids: [], filters: [], count: undefined },
  } as unknown as DlqSettings;
  const code = await dlq(context, lostSession(events), settings).catch((error: MqError) => error.code);
  assert.is(code, 'UNAVAILABLE');
  assert.equal(events, ['removed', 'closed']);
});

test.run();
