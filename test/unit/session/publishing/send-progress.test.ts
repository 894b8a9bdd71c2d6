// Uses real sockets, because the result depends on the counters of Node and on the buffers of the system.

import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { SendProgress } from '../../../../src/session/publishing/send-progress.ts';
import { until } from '../../../support/until.ts';

async function sockets(): Promise<{ near: Socket; far: Socket; close: () => void }> {
  const server = createServer({ pauseOnConnect: true });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const near = connect((server.address() as AddressInfo).port, '127.0.0.1');
  const [[far]] = (await Promise.all([once(server, 'connection'), once(near, 'connect')])) as [[Socket], unknown];
  const close = () => {
    near.destroy();
    far.destroy();
    server.close();
  };
  return { near, far, close };
}

const frame = Buffer.alloc(128 * 1024);
const frames = 256;

/** Like amqplib, writes no further frame until the socket has drained. */
async function upload(socket: Socket): Promise<void> {
  for (let sent = 0; sent < frames; sent += 1) if (!socket.write(frame)) await once(socket, 'drain');
}

test('reports progress only while the peer reads', async () => {
  const { near, far, close } = await sockets();
  const progress = new SendProgress();
  try {
    const uploaded = upload(near);
    let still = 0;
    await until('the buffers of the system are full', () => {
      still = progress.hasMoved(near) ? 0 : still + 1;
      return still === 3;
    });
    // A heartbeat is queued, but not sent.
    near.write('heartbeat');
    assert.not(progress.hasMoved(near));
    far.resume();
    await once(near, 'drain');
    assert.ok(progress.hasMoved(near));
    await uploaded;
    progress.hasMoved(near);
    assert.not(progress.hasMoved(near), 'the queue is empty');
  } finally {
    close();
  }
});

test('reports no progress for data that is sent at once', async () => {
  const { near, close } = await sockets();
  const progress = new SendProgress();
  try {
    for (const text of ['one', 'two', 'three']) {
      near.write(text);
      assert.not(progress.hasMoved(near));
    }
  } finally {
    close();
  }
});

test('starts again with another socket', async () => {
  const [one, two] = [await sockets(), await sockets()];
  const progress = new SendProgress();
  try {
    void upload(one.near);
    progress.hasMoved(one.near);
    two.near.write('one');
    assert.not(progress.hasMoved(two.near));
  } finally {
    one.close();
    two.close();
  }
});

test.run();
