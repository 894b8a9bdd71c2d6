// Tests a broker that closes each connection at the first message: a sender must not retry without end.

import { connect, createServer, type Socket } from 'node:net';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { startBroker } from '../../src/broker/server.ts';
import { mq } from '../support/mq.ts';

// AMQP 0-9-1: basic.publish is method 40 of class 60.
const publish = Buffer.from([0, 60, 0, 40]);

test('a message without an answer is in doubt after --timeout', async () => {
  const broker = await startBroker({ port: 0 });
  const sockets = new Set<Socket>();
  let connections = 0;
  const door = createServer((client) => {
    connections += 1;
    const upstream = connect(broker.port, '127.0.0.1');
    for (const socket of [client, upstream]) sockets.add(socket.on('error', () => undefined));
    client.on('data', (chunk) => (chunk.includes(publish) ? client.destroy() : upstream.write(chunk)));
    upstream.pipe(client);
    client.once('close', () => upstream.destroy());
  });
  await new Promise<void>((resolve) => door.listen(0, '127.0.0.1', resolve));
  const { port } = door.address() as { port: number };
  try {
    const env = { MQ_URL: `amqp://127.0.0.1:${port}` };
    const { status, stderr } = await mq(['task', 'never', '--timeout', '3'], { env });
    assert.is(status, 75, stderr);
    assert.match(stderr, 'no answer from the broker in 3 s');
    // Without back-off there would be a hundred connections.
    assert.ok(connections > 1 && connections < 30, `${connections} connections`);
  } finally {
    for (const socket of sockets) socket.destroy();
    door.close();
    await broker.close();
  }
});

test.run();
