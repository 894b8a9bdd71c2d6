// Tests what is left of a connection whose opening is aborted.

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { startBroker } from '../../../../src/broker/server.ts';
import { rascalSettings } from '../../../../src/config/rascal-settings.ts';
import { mergeConfigs } from '../../../../src/config/reading/merge.ts';
import { normalise } from '../../../../src/config/reading/normalise.ts';
import { MqError } from '../../../../src/errors.ts';
import { openConnection } from '../../../../src/session/connecting/open-connection.ts';
import { until } from '../../../support/until.ts';

test('an abort between two addresses leaves no connection', async () => {
  const broker = await startBroker({ port: 0 });
  try {
    for (let turns = 0; turns < 60; turns += 1) await openAndAbort(broker.port, turns);
    await until('the broker has no connection', () => broker.connections.size === 0);
  } finally {
    await broker.close();
  }
});

/** Opens a connection whose first address refuses it, and aborts after a number of turns of the event loop. */
async function openAndAbort(port: number, turns: number): Promise<void> {
  const connectionName = `opening ${turns}`;
  const controller = new AbortController();
  const opening = openConnection({
    rascalSettings: rascalSettings(mergeConfigs(normalise({}), normalise({ vhosts: { '/': {} } })), {
      ...{ publications: [], subscriptions: [], extraQueues: { '/': {} }, declare: false },
      // Nothing listens on port 1.
      addresses: [{ port: 1 }, { port }],
      ...{ connectionName, heartbeatSeconds: 10 },
    }),
    ...{ connectionName, closeTimeoutMs: 1000, redact: (text: string) => text, signal: controller.signal },
  });
  for (let turn = 0; turn < turns; turn += 1) await new Promise((resolve) => setImmediate(resolve));
  controller.abort(new MqError('TERMINATED', 'aborted'));
  await opening.then(
    (connection) => connection.close(),
    ({ message }: MqError) => assert.is(message, 'aborted'),
  );
}

test.run();
