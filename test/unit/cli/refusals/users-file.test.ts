// Tests users files that mq broker refuses, and the users that a valid file describes.

import { chmodSync } from 'node:fs';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { usersOfFile } from '../../../../src/cli/commands/broker/users-file.ts';
import { runCli } from '../../../support/cli.ts';
import { emptyFolder } from '../../../support/mq.ts';
import { refuses } from './rows.ts';

const args = ['broker', '--port', '0', '--users', 'users.json'];
const file = (value: unknown) => ({ 'users.json': typeof value === 'string' ? value : JSON.stringify(value) });
const permission = { vhost: '/', configure: '', write: '', read: '' };

refuses([
  {
    title: 'a users file that is not JSON, with line and column',
    args,
    files: file('{\n  "users": [,]\n}'),
    exit: 78,
    line: 'mq broker: users.json:2:13: expected a value [CONFIG]',
    hint: 'mq checks the rest of the file when it is valid JSON',
  },
  {
    title: 'a password in a users file',
    args,
    files: file({ users: [{ name: 'app', password: 'hunter2-canary' }] }),
    exit: 78,
    line: 'mq broker: users.json:1:36: users[0].password: the file would contain the password; use password_env (a variable), password_file (a file) or password_hash (from mq admin export definitions) [CONFIG]',
  },
  {
    title: 'an unknown key of a users file, with a similar one',
    args,
    files: file({ users: [{ name: 'app', password_fil: 'x' }] }),
    exit: 78,
    line: 'mq broker: users.json:1:25: users[0].password_fil: unknown key (did you mean "password_file"?) [CONFIG]',
  },
  {
    title: 'a missing variable of a users file',
    args,
    files: file({ users: [{ name: 'app', password_env: 'NOT_SET' }] }),
    exit: 78,
    line: 'mq broker: users.json:1:40: users[0].password_env: the environment variable NOT_SET is not set [CONFIG]',
  },
  {
    title: 'two passwords of one user',
    args,
    files: file({ users: [{ name: 'app', password_env: 'PATH', password_file: 'x' }] }),
    exit: 78,
    line: 'mq broker: users.json:1:63: users[0].password_file: password_env and password_file exclude each other [CONFIG]',
  },
  {
    title: 'a hash that is not one',
    args,
    files: file({ users: [{ name: 'app', password_hash: 'AAAA' }] }),
    exit: 78,
    line: 'mq broker: users.json:1:41: users[0].password_hash: password_hash is not a hash of rabbit_password_hashing_sha256 [CONFIG]',
  },
  {
    title: 'a token without a password',
    args,
    files: file({ users: [{ name: 'app', token: true }] }),
    exit: 78,
    line: 'mq broker: users.json:1:33: users[0].token: a token requires password_env, password_file, password_hash [CONFIG]',
  },
  {
    title: 'permissions of a user that the file does not define',
    args,
    files: file({ users: [{ name: 'app' }], permissions: [{ user: 'ap', ...permission }] }),
    exit: 78,
    line: 'mq broker: users.json:1:50: permissions[0].user: the file defines no user with this name [CONFIG]',
  },
  {
    title: 'two users with one name',
    args,
    files: file({ users: [{ name: 'app' }, { name: 'app' }] }),
    exit: 78,
    line: 'mq broker: users.json:1:34: users[1].name: another user has this name [CONFIG]',
  },
  {
    title: 'an empty name',
    args,
    files: file({ users: [{ name: '' }] }),
    exit: 78,
    line: 'mq broker: users.json:1:19: users[0].name: the name is empty [CONFIG]',
  },
  {
    title: 'a password in the place of a reference, without showing it',
    args,
    files: file({ users: [{ name: 'app', password_env: 4711_0815 }] }),
    exit: 78,
    line: 'mq broker: users.json:1:40: users[0].password_env: must be a string [CONFIG]',
  },
  {
    title: '--users together with --user',
    args: [...args, '--user', 'x'],
    files: file({ users: [{ name: 'app' }] }),
    exit: 64,
    line: 'mq broker: --users and --user exclude each other [USAGE]',
    hint: 'mq broker --help',
  },
  ...['tls-ca', 'tls-port'].map((name) => ({
    title: `--${name} without a certificate`,
    args: ['broker', '--port', '0', `--${name}`, '1'],
    exit: 64,
    line: `mq broker: --${name} requires --tls-cert and --tls-key [USAGE]`,
    hint: 'mq broker --help',
  })),
  {
    title: '--passwords-need-tls without TLS',
    args: ['broker', '--port', '0', '--passwords-need-tls'],
    exit: 64,
    line: 'mq broker: --passwords-need-tls requires --tls-cert and --tls-key [USAGE]',
    hint: 'mq broker --help',
  },
  {
    title: '--cert-login-from without --tls-ca',
    args: ['broker', '--port', '0', '--cert-login-from', 'common_name'],
    exit: 64,
    line: 'mq broker: --cert-login-from requires --tls-ca [USAGE]',
    hint: 'mq broker --help',
  },
]);

test('refuses an invalid pattern with its position', async () => {
  const text = JSON.stringify({ users: [{ name: 'app' }], permissions: [{ user: 'app', ...permission, write: '(' }] });
  const { status, stderr } = await runCli(args, { cwd: emptyFolder(file(text)) });
  assert.is(status, 78);
  assert.match(stderr, /users\.json:1:\d+: permissions\[0\]\.write: is not a regular expression: /);
});

const hash = { users: [{ name: 'app', password_hash: Buffer.alloc(36).toString('base64') }] };

for (const [title, mode, line] of [
  ['a file with hashes that other users can read', 0o604, 'contains hashes of passwords, and other users can read it'],
  ['a file that other users can change', 0o602, 'can be changed by other users'],
] as const) {
  test(`refuses ${title} with 77`, async () => {
    const cwd = emptyFolder(file(hash));
    chmodSync(join(cwd, 'users.json'), mode);
    const { status, stderr } = await runCli(args, { cwd });
    assert.is(status, 77);
    assert.match(stderr, new RegExp(`^mq broker: users.json ${line} \\[NOT_PERMITTED\\]`));
  });
}

test('refuses a password file that other users can change with 77', async () => {
  const cwd = emptyFolder({ ...file({ users: [{ name: 'app', password_file: 'app.txt' }] }), 'app.txt': 'secret' });
  chmodSync(join(cwd, 'app.txt'), 0o606);
  const { status, stderr } = await runCli(args, { cwd });
  assert.is(status, 77);
  assert.match(stderr, /app\.txt can be changed by other users \[NOT_PERMITTED\]/);
});

test('reads passwords by reference, hashes, tags and permissions', async () => {
  const cwd = emptyFolder({
    ...file({
      users: [
        { name: 'a', tags: ['administrator'], password_env: 'A_PASSWORD' },
        { name: 'b', tags: 'monitoring, management', password_file: 'b.txt', token: true },
        { name: 'CN=c' },
      ],
      permissions: [{ user: 'b', vhost: 'v', configure: '', write: '^b', read: '.*' }],
      topic_permissions: [{ user: 'b', vhost: 'v', exchange: 'amq.topic', write: '^b', read: '.*' }],
    }),
    'b.txt': 'b-secret\n',
  });
  const never = new AbortController().signal;
  const env = { A_PASSWORD: 'a-secret' };
  const context = { cwd, env, uid: 0, drain: never, stdin: () => new PassThrough() };
  assert.equal(await usersOfFile(context, 'users.json'), [
    {
      name: 'a',
      tags: ['administrator'],
      password: 'a-secret',
      hasToken: false,
      permissions: [],
      topicPermissions: [],
    },
    {
      name: 'b',
      tags: ['monitoring', 'management'],
      password: 'b-secret',
      hasToken: true,
      permissions: [{ vhost: 'v', configure: '', write: '^b', read: '.*' }],
      topicPermissions: [{ vhost: 'v', exchange: 'amq.topic', write: '^b', read: '.*' }],
    },
    { name: 'CN=c', tags: [], password: null, hasToken: false, permissions: [], topicPermissions: [] },
  ]);
});

test.run();
