// Runs a broker for one test, and waits for conditions turn by turn of the event loop.

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

/** Checks a condition in each turn of the event loop until it is true. Throws after a minute, so that no test hangs. */
export async function turns(what: string, isDone: () => boolean): Promise<void> {
  const end = performance.now() + 60_000;
  while (!isDone()) {
    assert.ok(performance.now() < end, what);
    await new Promise((turned) => setImmediate(turned));
  }
}
