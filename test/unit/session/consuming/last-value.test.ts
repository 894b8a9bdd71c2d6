import { EventEmitter } from 'node:events';
import { mock } from 'node:test';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { Channel } from '../../../../src/session/channel.ts';
import { readLastValue } from '../../../../src/session/consuming/last-value.ts';

type Next = (error: Error | null, answer?: unknown) => void;

/** A channel to a queue whose message another reader holds until `heldMs` have passed. */
class FakeChannel extends EventEmitter {
  #passedMs = 0;
  #messageCount = 0;
  readonly #heldMs: number;

  constructor(heldMs: number) {
    super();
    this.#heldMs = heldMs;
  }

  checkQueue(_queue: string, next: Next): void {
    next(null, { messageCount: this.#messageCount, consumerCount: 0 });
  }

  get(_queue: string, _options: object, next: Next): void {
    const isHeld = this.#passedMs < this.#heldMs;
    next(null, isHeld ? false : { content: Buffer.from('7') });
    if (!isHeld) return;
    setImmediate(() => {
      this.#passedMs += 200;
      mock.timers.tick(200);
    });
  }

  nack(): void {
    this.#messageCount = 1;
  }

  close(next: () => void): void {
    next();
  }
}

async function read(heldMs: number): Promise<string | undefined> {
  const channel = new FakeChannel(heldMs) as unknown as Channel;
  mock.timers.enable({ apis: ['setTimeout'] });
  try {
    return (await readLastValue(async () => channel, { name: 'q', arguments: {} }, true))?.toString();
  } finally {
    mock.timers.reset();
  }
}

test('waits 4 s for a message that another reader holds', async () => {
  assert.is(await read(0), '7');
  assert.is(await read(4000), '7');
  assert.is(await read(60_000), undefined);
});

test.run();
