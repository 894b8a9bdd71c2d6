// Tests the logins of the embedded broker: client certificates, passwords over TLS only, new secrets, and initial users.

import { type ChannelModel, connect, credentials } from 'amqplib';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { BrokerOptions } from '../../src/broker/server.ts';
import { openStore } from '../../src/broker/store.ts';
import { greeting, header } from '../robustness/frames.ts';
import { authority, type Signed } from '../support/authority.ts';
import { Place, refusal } from '../support/embedded.ts';
import { withManagement } from '../support/management.ts';
import { emptyFolder } from '../support/mq.ts';
import { until } from '../support/until.ts';

const own = authority();
const server = own.sign('/CN=127.0.0.1');
const worker = own.sign('/O=example, Inc./CN=worker');
const tls = { cert: server.cert, key: server.key, ca: own.ca };
const all = { vhost: '/', configure: '.*', write: '.*', read: '.*' };

interface Login {
  readonly certificate?: Signed;
  /** Logs in with this password as guest instead of EXTERNAL. */
  readonly password?: string;
}

/** Connects over TLS, and returns the connection or the error. */
async function login(port: number, { certificate, password }: Login): Promise<ChannelModel | Error> {
  const { external, plain } = credentials;
  const connecting = connect(`amqps://127.0.0.1:${port}`, {
    credentials: password === undefined ? external() : plain('guest', password),
    ca: [own.ca],
    ...(certificate && { cert: certificate.cert, key: certificate.key }),
  });
  const connection = await connecting.catch((error: Error) => error);
  if (!(connection instanceof Error)) connection.on('error', () => undefined);
  return connection;
}

async function shownUser(options: BrokerOptions, details: Login): Promise<string> {
  let shown = '';
  await Place.with({ tls, ...options }, async ({ broker }) => {
    const connection = await login(broker.port, details);
    shown = connection instanceof Error ? connection.message : ([...broker.connections][0]?.user.name ?? 'none');
    if (!(connection instanceof Error)) await connection.close();
  });
  return shown;
}

const commonName = { certificateName: 'common_name', users: [{ name: 'worker', permissions: [all] }] } as const;

test('a client certificate logs in by its common name', async () => {
  assert.is(await shownUser(commonName, { certificate: worker }), 'worker');
});

test('logs in by the distinguished name, with its last attribute first', async () => {
  const users = [{ name: 'CN=worker,O=example\\, Inc.', permissions: [all] }];
  assert.is(await shownUser({ users }, { certificate: worker }), 'CN=worker,O=example\\, Inc.');
});

test('refuses EXTERNAL with 403 without a certificate or without a user', async () => {
  const refused = /403 \(ACCESS-REFUSED\).*using authentication mechanism EXTERNAL/;
  assert.match(await shownUser(commonName, {}), refused);
  assert.match(await shownUser(commonName, { certificate: own.sign('/CN=other') }), refused);
});

test('closes a connection with a foreign or expired certificate', async () => {
  for (const [certificate, reason] of [
    [authority().sign('/CN=worker'), /refused the client certificate: (UNABLE|SELF|DEPTH)/],
    [own.sign('/CN=worker', { days: -1 }), /refused the client certificate: CERT_HAS_EXPIRED/],
  ] as const) {
    const lines: string[] = [];
    const log = (line: string) => void lines.push(line);
    assert.is.not(await shownUser({ ...commonName, log }, { certificate }), 'worker');
    assert.match(lines.join('\n'), reason);
  }
});

test('a client with a certificate can also log in with a password', async () => {
  const users = [{ name: 'guest', password: 'guest' }];
  assert.is(await shownUser({ users }, { certificate: worker, password: 'guest' }), 'guest');
  assert.is(await shownUser({ users }, { password: 'guest' }), 'guest');
});

test('logs who was refused, without the password', async () => {
  const lines: string[] = [];
  const log = (line: string) => void lines.push(line);
  await shownUser({ ...commonName, log }, { certificate: own.sign('/O=x/CN=other') });
  await shownUser({ ...commonName, log }, { certificate: worker, password: 'canary' });
  await withManagement(async ({ ask }) => assert.is((await ask('GET /whoami', { as: 'root:canary' })).status, 401), {
    log,
  });
  const refused = lines.filter((line) => line.startsWith('login refused'));
  assert.equal(refused, [
    "login refused: 'other' from 127.0.0.1 by EXTERNAL",
    "login refused: 'guest' from 127.0.0.1 by PLAIN",
    "login refused: 'root' from 127.0.0.1 by the management API",
  ]);
  assert.not.match(lines.join(), /canary/);
});

test('the management API accepts the token of a user with a token', () => {
  const users = [
    { name: 'service', password: 'token-1', hasToken: true, tags: ['management'] },
    { name: 'plain', password: 'password', tags: ['management'] },
  ];
  return withManagement(
    async ({ ask }) => {
      const askWith = (token: string) =>
        ask('GET /whoami', { as: null, headers: { authorization: `Bearer ${token}` } });
      assert.is(Object(await askWith('token-1')).body.name, 'service');
      for (const wrong of ['token-2', 'password', '']) assert.is((await askWith(wrong)).status, 401, wrong);
    },
    { users },
  );
});

test('refuses a PLAIN response with more than its three fields', () =>
  Place.with({}, async ({ broker }) => {
    for (const [response, isAccepted] of [
      ['\0guest\0guest', true],
      ['\0guest\0guest\0x', false],
      ['\0guest\0guest\0', false],
      ['admin\0guest\0guest', false],
    ] as const) {
      const mechanism = { ...credentials.plain('guest', 'guest'), response: () => Buffer.from(response) };
      const found = await connect(broker.url, { credentials: mechanism }).catch((error: Error) => error);
      assert.is(!(found instanceof Error), isAccepted, JSON.stringify(response));
      if (!(found instanceof Error)) await found.close();
    }
  }));

test('EXTERNAL is not offered without an authority for clients', async () => {
  const refused = await shownUser({ tls: { cert: server.cert, key: server.key } }, { certificate: worker });
  assert.match(refused, /SASL mechanism EXTERNAL is not provided by the server/);
});

test('accepts passwords over TLS only if they need TLS', () =>
  Place.with({ tls, tlsPort: 0, passwordsNeedTls: true }, async ({ broker }) => {
    const [plainPort, tlsPort] = broker.listeners.map(({ port }) => port);
    assert.is(broker.url, `amqp://127.0.0.1:${plainPort}`);
    assert.is(broker.tlsUrl, `amqps://127.0.0.1:${tlsPort}`);
    const error = await connect(`amqp://127.0.0.1:${plainPort}`).catch((failure: Error) => failure);
    assert.match(String(error), /SASL mechanism PLAIN is not provided by the server/);
    const connection = await login(tlsPort ?? 0, { password: 'guest' });
    if (connection instanceof Error) throw connection;
    await connection.close();
  }));

test('refuses a password without TLS although the client was not offered it', () => {
  const lines: string[] = [];
  const log = (line: string) => void lines.push(line);
  return Place.with({ tls, tlsPort: 0, passwordsNeedTls: true, log }, async (place) => {
    const socket = await place.socket();
    const [startOk = Buffer.alloc(0)] = greeting();
    socket.write(Buffer.concat([header, startOk]));
    await until('the broker has refused the login', () => lines.length > 0);
    assert.match(lines[0] ?? '', /ACCESS_REFUSED - PLAIN sends a password, which this broker accepts over TLS only$/);
  });
});

test('both ports accept passwords by default', () =>
  Place.with({ tls, tlsPort: 0 }, async (place) => {
    await place.connection();
    const connection = await login(place.broker.listeners[1]?.port ?? 0, { password: 'guest' });
    if (connection instanceof Error) throw connection;
    await connection.close();
  }));

test('a user with a token renews it with the current password only', () =>
  Place.with({ users: [{ name: 'guest', password: 'guest', hasToken: true }] }, async (place) => {
    const connection = await place.connection();
    place.broker.users.put({ name: 'guest', password: 'second' });
    await connection.updateSecret(Buffer.from('second'), 'renewal');
    const channel = await place.channel(connection);
    const { code, text } = await refusal(channel, () => {
      // amqplib does not reject the promise when the broker refuses the secret.
      void connection.updateSecret(Buffer.from('guest'), 'renewal');
    });
    assert.is(code, 530);
    assert.is(text, 'NOT_ALLOWED - New secret was refused by one of the backends');
  }));

test('a users file removes the other users of the store', async () => {
  const folder = emptyFolder();
  const stored = async () => ({ store: await openStore(folder, { pid: 4_000_000, isAlive: () => false }) });
  const users = [
    { name: 'guest', password: 'guest' },
    { name: 'old', password: 'pw', tags: ['administrator'] },
  ];
  await Place.with({ users, ...(await stored()) }, async (place) => {
    await place.connection({ user: 'old', password: 'pw' });
  });
  const lines: string[] = [];
  const log = (line: string) => void lines.push(line);
  const only = { users: users.slice(0, 1), hasOnlyTheseUsers: true, log };
  await Place.with({ ...only, ...(await stored()) }, async (place) => {
    assert.equal(lines, ['removed users that the users file does not list: old']);
    const refused = await place.connection({ user: 'old', password: 'pw' }).catch((error: Error) => error);
    assert.match(String(refused), /403 \(ACCESS-REFUSED\)/);
  });
  // The store has removed the user, too.
  await Place.with({ users: users.slice(0, 1), ...(await stored()) }, async ({ broker }) => {
    assert.equal([...broker.users.all.keys()], ['guest']);
  });
});

test('initial users have only the given permissions, in new virtual hosts', () => {
  const users = [
    { name: 'guest', password: 'guest', tags: ['administrator'], permissions: [{ ...all, vhost: 'orders' }] },
    {
      name: 'reader',
      password: 'r',
      permissions: [{ ...all, vhost: 'orders', configure: '^$', write: '^$' }],
      topicPermissions: [{ vhost: 'orders', exchange: 'amq.topic', write: '^a', read: '^a' }],
    },
  ];
  return Place.with({ users }, async (place) => {
    assert.equal([...place.broker.vhosts.keys()], ['/', 'orders']);
    const refused = await place.connection().catch((failure: Error) => failure);
    assert.match(String(refused), /ConnectionClose|NOT_ALLOWED/);
    const admin = await place.channel(await place.connection({ vhost: 'orders' }));
    await admin.assertQueue('q');
    const reader = await place.channel(await place.connection({ user: 'reader', password: 'r', vhost: 'orders' }));
    await reader.checkQueue('q');
    assert.ok(place.broker.users.all.get('reader')?.topics.get('orders')?.has('amq.topic'));
    assert.is((await refusal(reader, () => reader.assertQueue('mine'))).code, 403);
  });
});

test.run();
