import { once } from 'node:events';
import { createServer, type Server } from 'node:net';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { listen } from '../../../../src/broker/server/listen.ts';
import { MqError } from '../../../../src/errors.ts';

const host = '127.0.0.1';

async function withServer(use: (server: Server, port: number, errors: Error[]) => Promise<void>): Promise<void> {
  const server = createServer();
  const errors: Error[] = [];
  const port = await listen(server, { host, port: 0 }, (error) => errors.push(error));
  try {
    await use(server, port, errors);
  } finally {
    server.close();
    await once(server, 'close');
  }
}

test('resolves to the port that the system has chosen', () => withServer(async (_, port) => assert.ok(port > 0)));

test('a port in use is a SYSTEM error with a hint', () =>
  withServer(async (_, port) => {
    const error: unknown = await listen(createServer(), { host, port }, () => undefined).catch((reason) => reason);
    assert.instance(error, MqError);
    if (error instanceof MqError) assert.equal([error.code, error.hint !== undefined], ['SYSTEM', true]);
  }));

test('a later error is reported and does not end the process', () =>
  withServer(async (server, _, errors) => {
    const error = new Error('accept EMFILE');
    server.emit('error', error);
    assert.equal(errors, [error]);
  }));

test.run();
