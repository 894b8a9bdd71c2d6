// Tests the login that options, variables and a named connection result in.

import { PassThrough } from 'node:stream';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { isInsecure, loginOf } from '../../../../src/cli/input/login.ts';
import { withLogin } from '../../../../src/login/environment.ts';
import type { Login } from '../../../../src/login/login.ts';
import { emptyFolder } from '../../../support/mq.ts';

const cwd = emptyFolder({ 'secret.txt': 's3cret\n' });
const world = (args: readonly string[], env: Readonly<Record<string, string>>, login?: Login) => ({
  ...{ args: ['worker', ...args], env, cwd, stdin: () => new PassThrough() },
  ...(login && { login }),
});
const files = { MQ_CA: 'ca.pem', MQ_CERT: 'c.pem', MQ_KEY: 'k.pem', MQ_KEY_PASSWORD_FILE: 'p.txt' };
const command = (text: string, from = '--token-command') => ({ kind: 'command', from, command: text, folder: cwd });
const client = { MQ_OAUTH_TOKEN_URL: 'https://id/token', MQ_OAUTH_CLIENT_ID: 'mq' };

const rows: readonly (readonly [title: string, given: ReturnType<typeof world>, expected: unknown])[] = [
  ['nothing', world([], {}), {}],
  ['an empty MQ_INSECURE', world([], { MQ_INSECURE: '' }), {}],
  [
    'the variables of files',
    world([], files),
    { tls: { ca: 'ca.pem', cert: 'c.pem', key: 'k.pem', keyPassword: 'p.txt' } },
  ],
  [
    'options before variables',
    world(['--ca', 'own.pem', '--token-command', 'a'], { MQ_CA: 'ca.pem', MQ_TOKEN: 'b', MQ_TOKEN_FILE: 'c' }),
    { tls: { ca: 'own.pem' }, token: command('a') },
  ],
  [
    'the variable of the key if --key is the key of a binding',
    { ...world([], files), args: ['subscribe', '--exchange', 'e', '--key', '#', '--key', ''] },
    { tls: { ca: 'ca.pem', cert: 'c.pem', key: 'k.pem', keyPassword: 'p.txt' } },
  ],
  [
    'the key of a publisher',
    { ...world([], {}), args: ['publish', '--exchange', 'e', '--cert', 'c', '--key', 'k'] },
    { tls: { cert: 'c', key: 'k' } },
  ],
  ['a token', world([], { MQ_TOKEN: 'a' }), { token: { kind: 'token', from: 'MQ_TOKEN', token: 'a' } }],
  [
    'the file of a token',
    world([], { MQ_TOKEN_FILE: 'token.txt' }),
    { token: { kind: 'file', from: 'MQ_TOKEN_FILE', file: `${cwd}/token.txt` } },
  ],
  ['a command', world([], { MQ_TOKEN_COMMAND: 'a b' }), { token: command('a b', 'MQ_TOKEN_COMMAND') }],
  [
    'client credentials, with a secret from a file',
    world([], { ...client, MQ_OAUTH_CLIENT_SECRET_FILE: 'secret.txt', MQ_OAUTH_SCOPE: 'a b', MQ_CA: 'ca.pem' }),
    {
      tls: { ca: 'ca.pem' },
      token: {
        ...{ kind: 'client', from: 'MQ_OAUTH_TOKEN_URL', url: client.MQ_OAUTH_TOKEN_URL, clientId: 'mq' },
        ...{ clientSecret: 's3cret', scope: 'a b', ca: 'ca.pem' },
      },
    },
  ],
  [
    'options before a named connection',
    world(['--cert', 'own.pem'], {}, { mechanism: 'external', tls: { ca: 'ca.pem', cert: 'c.pem' } }),
    { mechanism: 'external', tls: { ca: 'ca.pem', cert: 'own.pem' } },
  ],
];

for (const [title, given, expected] of rows)
  test(`the login has ${title}`, async () => assert.equal(await loginOf(given), expected));

for (const [args, env, expected] of [
  [[], {}, undefined],
  [['--insecure'], { MQ_INSECURE: '0' }, '--insecure'],
  [[], { MQ_INSECURE: '1' }, 'MQ_INSECURE'],
  [[], { MQ_INSECURE: 'false' }, undefined],
] as const)
  test(`${JSON.stringify([args, env])} ${expected ? 'turns off' : 'keeps'} the verification`, () =>
    assert.is(isInsecure({ args: ['worker', ...args], env }), expected));

test('a role that another process starts gets the same login, and no other', async () => {
  const secret = { MQ_OAUTH_CLIENT_SECRET: 's3cret' };
  for (const env of [
    files,
    { MQ_TOKEN: 'a' },
    { MQ_TOKEN_COMMAND: 'a' },
    { ...client, ...secret },
    { MQ_INSECURE: '1' },
  ]) {
    const login = await loginOf(world([], env));
    const own = withLogin({ MQ_TOKEN_FILE: 'other', PATH: '/bin' }, login, cwd);
    assert.is(own['PATH'], '/bin');
    const again = await loginOf(world([], own as Record<string, string>));
    const absolute = Object.fromEntries(
      Object.entries(login.tls ?? {}).map(([name, file]) => [name, `${cwd}/${file}`]),
    );
    assert.equal(again, { ...login, ...(login.tls && { tls: absolute }) });
  }
});

test.run();
