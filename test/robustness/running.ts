// A broker for one test, and waiting for what it comes to in its next turns.

import * as assert from 'uvu/assert';
import { type Broker, type BrokerOptions, startBroker } from '../../src/broker/server.ts';

export async function withBroker(run: (broker: Broker) => Promise<void>, options: BrokerOptions = {}): Promise<void> {
  const broker = await startBroker(options);
  try {
    await run(broker);
  } finally {
    await broker.close();
  }
}

/** Looks again in each turn of the event loop: no time is measured. */
export async function turns(what: string, isDone: () => boolean): Promise<void> {
  for (let left = 200_000; !isDone(); left--) {
    assert.ok(left > 0, what);
    await new Promise((turned) => setImmediate(turned));
  }
}
