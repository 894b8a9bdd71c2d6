// The reader of a queue reports why its connection ended.

import { EventEmitter } from 'node:events';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { Browser } from '../../../../src/session/browsing/browser.ts';
import type { BrokerConnection } from '../../../../src/session/connecting/broker-connection.ts';

type Next = (error: Error | null, answer?: unknown) => void;

/** A channel that reports one message, delivers nothing, and is lost when mq asks for the queue again. */
class LostChannel extends EventEmitter {
  #checks = 0;

  checkQueue(_queue: string, next: Next): void {
    this.#checks += 1;
    if (this.#checks === 1) {
      next(null, { messageCount: 1, consumerCount: 0 });
      return;
    }
    next(new Error('Channel ended, no reply will be forthcoming'));
    this.emit('error', Object.assign(new Error('read ECONNRESET'), { code: 'ECONNRESET' }));
  }

  prefetch(_count: number, _global: boolean, next: Next): void {
    next(null);
  }

  consume(_queue: string, _onMessage: unknown, _options: object, next: Next): void {
    next(null, { consumerTag: 't' });
  }
}

test('reports a connection that is lost while the broker stalls', async () => {
  const connection = { channel: async () => new LostChannel() } as unknown as BrokerConnection;
  const browser = await Browser.open(connection, {
    ...{ vhost: '/', queue: 'q', redact: (text: string) => text, type: async () => 'classic' as const },
    republisher: { isNeeded: () => false, republish: async () => undefined },
  });
  const error = await browser
    .messages()
    .next()
    .catch((reason: unknown) => reason);
  assert.match(String(error), /the connection to the broker was lost \(ECONNRESET\)|read ECONNRESET/);
  assert.is((error as { code?: string }).code, 'UNAVAILABLE');
});

test.run();
