// Tests how the patch of amqplib.connect ends a connection that is not open yet.

import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import amqplib from 'amqplib/callback_api';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { MqError } from '../../../../src/errors.ts';
import { breakConnections, endConnections } from '../../../../src/session/patches/sockets.ts';

for (const [end, reported] of [
  ['ends', []],
  ['breaks', ['the node does not answer']],
] as const)
  test(`${end} a connection that is being opened`, async () => {
    // A node that accepts connections and does not answer the handshake.
    const accepted = Promise.withResolvers<Socket>();
    const server = createServer((socket) => accepted.resolve(socket.resume())).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const errors: string[] = [];
    const options = { clientProperties: { connection_name: end } };
    amqplib.connect(`amqp://127.0.0.1:${port}`, options, ({ message }: Error) => errors.push(message));
    const socket = await accepted.promise;
    if (end === 'ends') endConnections(end);
    else breakConnections(end, new MqError('UNAVAILABLE', 'the node does not answer'));
    await once(socket, 'close');
    server.close();
    assert.equal(errors, reported);
  });

test.run();
