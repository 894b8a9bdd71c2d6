// Closes a Rascal broker whose connection is lost in different turns of the event loop.

import rascal from 'rascal';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { startBroker } from '../../../../src/broker/server.ts';
import type { Channel } from '../../../../src/session/channel.ts';
import { endConnections } from '../../../../src/session/patches/sockets.ts';
import '../../../../src/session/patches/vhosts.ts';
import type { CreatedVhost } from '../../../../src/session/patches/vhosts.ts';

test('a connection that is lost during a close throws no error', async () => {
  const broker = await startBroker({ port: 0 });
  try {
    for (let turns = 0; turns < 10; turns += 1) await closeAndLose(broker.port, turns);
  } finally {
    await broker.close();
  }
});

const name = 'closing';

/** Starts to close, and destroys the socket after a number of turns. An uncaught error would fail the test. */
async function closeAndLose(port: number, turns: number): Promise<void> {
  const vhosts = new Map<string, CreatedVhost>();
  const connection = {
    url: `amqp://guest:guest@127.0.0.1:${port}`,
    retry: false,
    socketOptions: { clientProperties: { connection_name: name } },
  };
  const opened = Promise.withResolvers<Parameters<Parameters<typeof rascal.createBroker>[2]>[1]>();
  const publicationChannelPools = { regularPool: { autostart: false }, confirmPool: { autostart: false } };
  rascal.createBroker(
    { vhosts: { '/': { connection, publicationChannelPools } } },
    { mqVhosts: vhosts },
    (error, client) => (error ? opened.reject(error) : opened.resolve(client)),
  );
  const client = await opened.promise;
  assert.ok(client);
  client.on('error', () => undefined);
  const channel = await new Promise<Channel | undefined>((resolve) => {
    vhosts.get('/')?.vhost.getChannel((_, created) => resolve(created));
  });
  channel?.on('error', () => undefined);
  client.shutdown(() => undefined);
  await turnsOf(turns);
  channel?.connection?.stream.destroy(new Error('reset'));
  await turnsOf(20);
  endConnections(name);
  clearInterval(client.keepActive);
}

async function turnsOf(count: number): Promise<void> {
  for (let turn = 0; turn < count; turn += 1) await new Promise((resolve) => setImmediate(resolve));
}

test.run();
