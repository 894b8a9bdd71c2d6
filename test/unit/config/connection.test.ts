// Checks that amqplib reads the same values from a URL that Rascal wrote into it.

import { createRequire } from 'node:module';
import querystring from 'node:querystring';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { parseAddresses } from '../../../src/config/address.ts';
import { rascalConnection } from '../../../src/config/attributes.ts';
import type { ConnectionConfig } from '../../../src/config/config.ts';
import { objectOf } from '../../../src/config/plain.ts';
import { rascalSettings } from '../../../src/config/rascal-settings.ts';
import { withBuiltinOf as configOf, rascalResult } from './fixture.ts';

type Credentials = { response(): Buffer };
const connect = new URL('../../../node_modules/amqplib/lib/connect.js', import.meta.url).pathname;
const { credentialsFromUrl }: { credentialsFromUrl: (url: URL) => Credentials } = createRequire(import.meta.url)(
  connect,
);

function connectionsFor(vhost: string, connections: unknown, addresses?: readonly ConnectionConfig[]) {
  const config = configOf({
    vhosts: { [vhost]: { connections, queues: ['q'] } },
    publications: { p: { vhost, queue: 'q' } },
  });
  const needs = { publications: ['p'], subscriptions: [], connectionName: 'mq test', heartbeatSeconds: 10 };
  const made = rascalSettings(config, addresses === undefined ? needs : { ...needs, addresses });
  return rascalResult(made).vhosts[vhost]?.connections ?? [];
}

// Reads a URL in the same way as amqplib's lib/connect.js.
function read({ url, socketOptions }: { url: string; socketOptions: Record<string, unknown> }) {
  const parts = new URL(url);
  const path = parts.pathname ? parts.pathname.slice(1) : '';
  const credentials = (socketOptions['credentials'] as Credentials | undefined) ?? credentialsFromUrl(parts);
  const [, user, password] = credentials.response().toString().split('\0');
  return {
    protocol: parts.protocol,
    host: parts.hostname.replace(/^\[|\]$/g, ''),
    port: Number(parts.port),
    vhost: path === '' ? '/' : querystring.unescape(path),
    user,
    password,
    heartbeat: parts.searchParams.get('heartbeat'),
  };
}

for (const vhost of ['/', 'a b', 'a/b', 'a%b', 'a%2Fb', 'ü', '/a', 'a?b#c', 'prod', 'a@b:c']) {
  test(`reads the vhost ${vhost} from a key, an attribute or a URL`, () => {
    const encoded = encodeURIComponent(vhost);
    for (const [key, connection] of [
      [vhost, {}],
      [vhost, 'amqp://localhost'],
      [vhost, 'amqp://localhost/'],
      ['other', { vhost }],
      ['other', `amqp://localhost/${encoded}`],
    ] as const) {
      assert.equal(
        connectionsFor(key, [connection])
          .map(read)
          .map((one) => one.vhost),
        [vhost],
      );
    }
    const [address] = parseAddresses(`amqp://localhost/${encoded}`, { at: '--url', code: 'USAGE' });
    assert.is(address?.vhost, vhost);
  });
}

for (const password of [':@/%?#', 'p:w', 'a%2Fb', 'a b', 'x,y', '&=+', 'ü', '🔑', '\\"\'', '']) {
  test(`sends the password ${JSON.stringify(password)} unchanged`, () => {
    const url = `amqp://us%40er:${encodeURIComponent(password)}@h/v`;
    const [address] = parseAddresses(url, { at: '--url', code: 'USAGE' });
    assert.is(address?.password, password);
    for (const connection of [url, { user: 'us@er', password }]) {
      const [made] = connectionsFor('v', [connection]).map(read);
      assert.is(made?.user, 'us@er');
      assert.is(made?.password, password);
    }
  });
}

test('sends a user name that contains a colon', () => {
  const [made] = connectionsFor('v', [{ user: 'a:b', password: 'c:d' }]).map(read);
  assert.equal([made?.user, made?.password], ['a:b', 'c:d']);
});

test('connects as guest to localhost by default', () => {
  const expected = { protocol: 'amqp:', host: 'localhost', port: 5672, vhost: 'v', user: 'guest', password: 'guest' };
  assert.equal(connectionsFor('v', []).map(read), [{ ...expected, heartbeat: '10' }]);
});

test('tries given addresses in order, regardless of the file', () => {
  const addresses = parseAddresses('amqps://b, amqp://[::1]:5673/w?heartbeat=3', { at: '--url', code: 'USAGE' });
  assert.equal(connectionsFor('v', ['amqp://file'], addresses).map(read), [
    { protocol: 'amqps:', host: 'b', port: 5671, vhost: 'v', user: 'guest', password: 'guest', heartbeat: '10' },
    { protocol: 'amqp:', host: '::1', port: 5673, vhost: 'w', user: 'guest', password: 'guest', heartbeat: '3' },
  ]);
});

test('tries the connections of a file in order', () => {
  const hosts = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'i', 'j'];
  const made = connectionsFor(
    'v',
    hosts.map((host) => `amqp://${host}`),
  );
  assert.equal(
    made.map(read).map(({ host }) => host),
    hosts,
  );
});

test('sets noDelay and the connection name, and keeps TLS options', () => {
  const own = { ca: 'CA', servername: 's', timeout: 5, clientProperties: { team: 'x' } };
  const [made] = connectionsFor('v', [{ url: 'amqps://h', socketOptions: own }]);
  assert.equal(made?.socketOptions, {
    noDelay: true,
    timeout: 5,
    ca: 'CA',
    servername: 's',
    rejectUnauthorized: true,
    clientProperties: { connection_name: 'mq test', team: 'x' },
  });
  assert.equal(connectionsFor('v', ['amqp://h?connection_timeout=77'])[0]?.socketOptions['timeout'], 77);
});

test('applies only the timeouts of the file to a given address', () => {
  const tls = { ca: 'CA', rejectUnauthorized: false, servername: 'evil', path: '/tmp/evil', pfx: 'P' };
  const socketOptions = { ...tls, timeout: 77, keepAlive: true };
  const defaults = { vhosts: { connection: { socketOptions, retry: { max: 900 }, hostname: 'file' } } };
  const config = configOf({ defaults });
  const addresses = parseAddresses('amqps://h', { at: '--url', code: 'USAGE' });
  const needs = { publications: ['hello'], subscriptions: [], connectionName: 'n', heartbeatSeconds: 10 };
  const [made] = rascalResult(rascalSettings(config, { ...needs, addresses })).vhosts['/']?.connections ?? [];
  assert.equal(made?.socketOptions, {
    noDelay: true,
    timeout: 77,
    keepAlive: true,
    rejectUnauthorized: true,
    clientProperties: { connection_name: 'n' },
  });
  assert.is(new URL(made?.url ?? '').hostname, 'h');
  assert.equal(made?.retry, { min: 500, max: 900, factor: 2, strategy: 'exponential' });
});

test('ignores options of a file that weaken TLS, and accepts --insecure', () => {
  const weak = {
    rejectUnauthorized: false,
    checkServerIdentity: true,
    secureProtocol: 'TLSv1_method',
    secureOptions: 1,
  };
  const own = { ...weak, minVersion: 'TLSv1', ciphers: 'ALL:@SECLEVEL=0' };
  const [made] = connectionsFor('v', [{ url: 'amqps://h', socketOptions: own }]);
  assert.equal(made?.socketOptions, {
    noDelay: true,
    timeout: 10_000,
    rejectUnauthorized: true,
    clientProperties: { connection_name: 'mq test' },
  });
  const insecure = { protocol: 'amqps', insecure: true } as const;
  const { socketOptions } = rascalConnection(insecure, { vhost: '/', connectionName: 'n', heartbeatSeconds: 10 });
  assert.is(objectOf(socketOptions)['rejectUnauthorized'], false);
});

test('ignores options of a file that replace the login', () => {
  const source = { kind: 'command', from: 'rascal.json', command: 'false', folder: '/' };
  const own = { token: { user: '', source }, tlsFiles: { cert: 'me.pem' }, credentials: { mechanism: 'EXTERNAL' } };
  const defaults = { vhosts: { connection: { socketOptions: own } } };
  const config = configOf({ defaults, vhosts: { v: { connections: [{ socketOptions: own }, 'amqp://h'] } } });
  const needs = { publications: [], subscriptions: [], connectionName: 'n', heartbeatSeconds: 10 };
  const options = { ...needs, extraQueues: { v: {} }, declare: false };
  const given = parseAddresses('amqp://given', { at: 'MQ_URL', code: 'USAGE' });
  for (const settings of [options, { ...options, addresses: given }])
    for (const { connections } of Object.values(rascalResult(rascalSettings(config, settings)).vhosts))
      for (const { socketOptions } of connections)
        assert.equal(Object.keys(socketOptions).toSorted(), [
          'clientProperties',
          'noDelay',
          'rejectUnauthorized',
          'timeout',
        ]);
});

test('writes the retry of a connection where Rascal reads it', () => {
  assert.equal(connectionsFor('v', ['amqp://h'])[0]?.retry, {
    min: 500,
    max: 10000,
    factor: 2,
    strategy: 'exponential',
  });
  const own = connectionsFor('v', [{ retry: { min: 1, max: 2, strategy: 'linear' } }])[0]?.retry;
  assert.equal(own, { min: 1, max: 2, factor: 2, strategy: 'linear' });
});

test("Rascal's loggable URL shows no password", () => {
  const [made] = connectionsFor('v', [{ user: 'u', password: 'se:cr@et' }]);
  assert.is(made?.loggableUrl, 'amqp://u:***@localhost:5672/v?heartbeat=10');
});

test.run();
