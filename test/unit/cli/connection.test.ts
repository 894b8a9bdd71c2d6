// Tests mq connection, --connection and MQ_CONNECTION without a broker.

import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { Values } from '../../../src/cli/arguments/values.ts';
import { changeConnections } from '../../../src/cli/input/change-connections.ts';
import { chosenConnection, readConnections, withConnection } from '../../../src/cli/input/connections.ts';
import type { Context } from '../../../src/context.ts';
import { runCli } from '../../support/cli.ts';
import { emptyFolder } from '../../support/mq.ts';
import { assertRefused } from '../../support/refusal.ts';

/** A home folder, the path of its connections.json, and a command line in it. */
function home(connections?: unknown) {
  const folder = emptyFolder();
  const file = join(folder, 'mq', 'connections.json');
  if (connections !== undefined) {
    mkdirSync(join(folder, 'mq'));
    writeFileSync(file, typeof connections === 'string' ? connections : JSON.stringify({ connections }), {
      mode: 0o600,
    });
  }
  const run = (args: readonly string[], env: Record<string, string> = {}) =>
    runCli(args, { cwd: folder, env: { XDG_CONFIG_HOME: folder, ...env } });
  return { folder, file, run };
}

// Port 1 refuses connections.
const dev = { urls: ['amqp://app@127.0.0.1:1/shop'], password: { env: 'DEV_PASSWORD' } };
const secrets = { DEV_PASSWORD: 'canary-of-dev' };

test('adds a connection to a file that only the user can read', async () => {
  const { folder, file, run } = home();
  const urls = 'amqps://app@one/shop, amqps://app@two/shop';
  const options = ['--password-command', 'pass show mq/x', '--ca', 'ca.pem', '--management-url', 'https://one:15671'];
  const { status, stdout } = await run(['connection', 'add', 'prod', '--url', urls, ...options]);
  assert.is(status, 0);
  assert.is(stdout, `added 'prod' to ${file}, without secrets; mq connection test prod tries it\n`);
  assert.is(statSync(file).mode & 0o777, 0o600);
  assert.equal(JSON.parse(readFileSync(file, 'utf8')), {
    connections: {
      prod: {
        urls: ['amqps://app@one/shop', 'amqps://app@two/shop'],
        password: { command: 'pass show mq/x' },
        managementUrls: ['https://one:15671'],
        tls: { ca: join(folder, 'ca.pem') },
      },
    },
  });
});

test('lists, shows and removes connections without reading a secret', async () => {
  const command = 'curl --user id:canary-in-command https://vault';
  const prod = { urls: ['amqps://app@one/shop', 'amqps://app@two/shop'], password: { command } };
  const { run } = home({ dev, prod, local: { urls: ['amqp://localhost'] } });
  assert.is(
    (await run(['connection', 'list'], { MQ_CONNECTION: 'dev' })).stdout,
    [
      'name   url                          login     used by',
      'dev    amqp://app@127.0.0.1:1/shop  password  MQ_CONNECTION',
      'prod   amqps://app@one/shop (+1)    password',
      'local  amqp://localhost             guest',
      '',
    ].join('\n'),
  );
  const shown = await run(['connection', 'show', 'prod']);
  assert.is(shown.stdout, 'urls: amqps://app@one/shop, amqps://app@two/shop\npassword: command curl …\n');
  assert.equal(JSON.parse((await run(['connection', 'show', 'dev', '--json'])).stdout), {
    name: 'dev',
    urls: dev.urls,
    password: 'variable DEV_PASSWORD',
  });
  assert.is((await run(['connection', 'remove', 'prod'])).stdout, "removed 'prod'\n");
  assert.is((await run(['connection', 'list', '--json'])).stdout.split('\n').length, 3);
});

test('keeps each connection when several commands add one at once', async () => {
  const { file, run } = home({ dev });
  const names = ['a', 'b', 'c', 'd', 'e', 'f'];
  const added = await Promise.all(names.map((name) => run(['connection', 'add', name, '--url', 'amqp://localhost'])));
  assert.equal(
    added.map(({ status }) => status),
    names.map(() => 0),
  );
  assert.equal(Object.keys(JSON.parse(readFileSync(file, 'utf8')).connections).toSorted(), [
    'a',
    'b',
    'c',
    'd',
    'dev',
    'e',
    'f',
  ]);
  assert.equal(readdirSync(dirname(file)), ['connections.json']);
});

test('waits for the lock of another command, and stops at a signal', async () => {
  const { file, folder } = home({ dev });
  writeFileSync(`${file}.lock`, '');
  const stop = new AbortController();
  const context = {
    env: { XDG_CONFIG_HOME: folder },
    cwd: folder,
    uid: process.getuid?.() ?? 0,
    drain: stop.signal,
  };
  const changing = changeConnections(context, (all) => all).catch((error: unknown) => error);
  stop.abort('SIGTERM');
  assert.match(String(await changing), /interrupted/);
  assert.ok(existsSync(`${file}.lock`));
});

test('shows no secret that is written in the place of a reference', async () => {
  const canary = 'canary-4711';
  for (const one of [
    { urls: ['amqp://app@h'], password: canary },
    { urls: ['amqp://h'], token: canary },
    { urls: ['amqp://h'], oauth: { url: 'https://h', clientId: 'c', clientSecret: canary } },
    { urls: ['amqp://h'], oauth: canary },
    { urls: ['amqp://h'], tls: canary },
    { urls: canary },
    canary,
  ]) {
    const { status, stderr } = await home({ dev: one }).run(['connection', 'list']);
    assert.is(status, 78);
    assert.match(stderr, /must be an? (object|list)/, `${JSON.stringify(one)}: ${stderr}`);
    assert.not.match(stderr, /canary/, JSON.stringify(one));
  }
});

test('shows a command only as the name of its program', async () => {
  for (const [command, shown] of [
    ['/usr/bin/pass show canary', 'command /usr/bin/pass …'],
    ['PGPASS=canary psql', 'command …'],
    ['https_proxy=http://u:canary@p get', 'command …'],
    ['cat<<<canary', 'command …'],
    ["'canary' x", 'command …'],
    ['$(canary)', 'command …'],
  ]) {
    const { run } = home({ one: { urls: ['amqp://app@h'], password: { command } } });
    for (const args of [['show', 'one'], ['list'], ['list', '--json'], ['show', 'one', '--json']])
      assert.not.match((await run(['connection', ...args])).stdout, /canary/, command);
    assert.is((await run(['connection', 'show', 'one'])).stdout, `urls: amqp://app@h\npassword: ${shown}\n`);
  }
});

test('refuses a management address with a query', async () => {
  const { run } = home();
  for (const mark of ['?', '#']) {
    const url = `http://h:1/${mark}password=canary`;
    const { status, stderr } = await run(['connection', 'add', 'x', '--url', 'amqp://h', '--management-url', url]);
    assert.is(status, 64);
    assert.match(stderr, /managementUrls\.0: the URL must not contain \? or # \[USAGE\]/);
  }
});

test('refuses a folder in which other users can replace the file', async () => {
  const { file, run } = home({ dev });
  chmodSync(dirname(file), 0o777);
  const { status, stderr } = await run(['connection', 'list']);
  assert.is(status, 77);
  assert.match(stderr, /connections\.json can be replaced by other users, who can write its folder \[NOT_PERMITTED\]/);
});

test('replaces a connection only with --overwrite', async () => {
  const { file, run } = home({ dev });
  const add = ['connection', 'add', 'dev', '--url', 'amqp://localhost'];
  assertRefused(await run(add), {
    exit: 64,
    line: "mq connection: the connection 'dev' exists [USAGE]",
    hint: 'use --overwrite, or mq connection remove',
  });
  assert.is((await run([...add, '--overwrite'])).status, 0);
  assert.equal(JSON.parse(readFileSync(file, 'utf8')).connections, { dev: { urls: ['amqp://localhost'] } });
});

const wroteSecret =
  'the file would contain the password; write the address without it, and name a variable, a file or a command: --password-env, --password-file, --password-command';

for (const [title, args, line] of [
  ['a password in an address', ['--url', 'amqp://a:canaryA@h'], `urls.0: ${wroteSecret}`],
  ['a user without a password', ['--url', 'amqp://a@h'], /the user 'a' has no password/],
  ['a password without a user', ['--url', 'amqp://h', '--password-env', 'P'], /has no user for the password/],
  ['a password and a token', ['--url', 'amqp://a@h', '--password-env', 'P', '--token-env', 'T'], /exclude each other/],
  ['two sources of a password', ['--url', 'amqp://a@h', '--password-env', 'P', '--password-file', 'f'], /exclude each/],
  ['a key without a certificate', ['--url', 'amqps://h', '--key', 'k.pem'], /the key requires a certificate/],
  [
    'a management password in an address',
    ['--url', 'amqp://h', '--management-url', 'http://a:canaryA@h'],
    /would contain/,
  ],
  ['no address', [], /give the address of the broker/],
] as const) {
  test(`refuses to add a connection with ${title}`, async () => {
    const { run } = home();
    const result = await run(['connection', 'add', 'new', ...args]);
    assert.is(result.status, 64);
    if (typeof line === 'string') assert.is(result.stderr.split('\n')[0], `mq connection: ${line} [USAGE]`);
    else assert.match(result.stderr, line);
    assert.not.match(result.stderr, /canary/);
  });
}

for (const [title, content, line] of [
  ['not JSON', '{"connections": {', /connections\.json:1:18: missing closing brace \[CONFIG\]/],
  ['an unknown key', { dev: { url: 'amqp://h' } }, /connections\.json:1:\d+: connections\.dev\.url: unknown key/],
  [
    'a password',
    { dev: { urls: ['amqp://a:canaryA@h'] } },
    /connections\.dev\.urls\[0\]: the file would contain the pass/,
  ],
] as const) {
  test(`refuses a connections.json with ${title}, with its position`, async () => {
    const { run } = home(content);
    const { status, stderr } = await run(['connection', 'list']);
    assert.is(status, 78);
    assert.match(stderr, line);
    assert.not.match(stderr, /canary/);
  });
}

test('refuses a connections.json that the group can change', async () => {
  const { file, run } = home({ dev });
  chmodSync(file, 0o660);
  assertRefused(await run(['wait', '--connection', 'dev'], secrets), {
    exit: 77,
    line: `mq wait: ${file} can be changed by other users [NOT_PERMITTED]`,
    hint: `run chmod go-w ${file}`,
  });
});

test('refuses a connections.json of another user, because it names commands', async () => {
  const { folder, file } = home({ dev });
  const uid = process.getuid?.();
  if (uid === undefined) return;
  if (uid === 0) chownSync(file, 12_345, 12_345);
  const context = { env: { XDG_CONFIG_HOME: folder }, cwd: folder, drain: new AbortController().signal, uid: uid + 1 };
  await readConnections(context).then(
    () => assert.unreachable(),
    ({ code, message }) => {
      assert.equal([code, message], ['NOT_PERMITTED', `${file} belongs to another user`]);
    },
  );
});

test('refuses an unknown connection with a similar name', async () => {
  const { file, run } = home({ dev });
  assertRefused(await run(['--connection', 'den', 'wait']), {
    exit: 64,
    line: `mq wait: there is no connection 'den' in ${file} [USAGE]`,
    hint: "did you mean 'dev'?",
  });
});

test('refuses two names of a broker that contradict each other', async () => {
  const { run } = home({ dev });
  assertRefused(await run(['wait', '--connection', 'dev', '--url', 'amqp://h']), {
    exit: 64,
    line: 'mq wait: --connection and --url exclude each other [USAGE]',
    hint: 'mq wait --help',
  });
  assertRefused(await run(['wait'], { MQ_CONNECTION: 'dev', MQ_URL: 'amqp://h' }), {
    exit: 64,
    line: 'mq wait: MQ_CONNECTION and MQ_URL are both set [USAGE]',
    hint: 'unset one of them, or name the broker with --connection or --url',
  });
});

test('an empty variable, or a broker that is named twice, is a usage error', async () => {
  const { run } = home({ dev, other: dev });
  const admin = ['admin', 'create', 'queue', 'q'];
  for (const [args, env, text] of [
    [admin, { MQ_CONNECTION: '' }, 'MQ_CONNECTION is empty'],
    [admin, { MQ_URL_FILE: '' }, 'MQ_URL_FILE is empty'],
    [[...admin, '--url', 'amqp://app@127.0.0.1:1'], { MQ_PASSWORD_FILE: '' }, 'MQ_PASSWORD_FILE is empty'],
    [[...admin, '--url', 'amqp://127.0.0.1:1'], { MQ_CA: '' }, 'MQ_CA is empty'],
    [['--connection', 'dev', ...admin, '--connection', 'other'], {}, '--connection is given more than once'],
    [[...admin, '--url', 'amqp://127.0.0.1:1', '--url=amqp://127.0.0.1:2'], {}, '--url is given more than once'],
  ] as const) {
    const { status, stderr } = await run(args, { ...secrets, ...env });
    assert.is(status, 64, stderr);
    assert.match(stderr, `mq admin: ${text} [USAGE]`);
  }
});

test('names each address of a connection and the API that a command changes', async () => {
  const urls = ['amqp://app@127.0.0.1:1/shop', 'amqp://app@127.0.0.1:2/shop'];
  const { run } = home({ dev: { ...dev, urls, managementUrls: ['http://127.0.0.1:3'] } });
  const amqp = "connection 'dev': amqp://127.0.0.1:1/shop, amqp://127.0.0.1:2/shop";
  for (const [options, apis] of [
    [[], ''],
    [['--trust-management'], 'http://127.0.0.1:3'],
    [['--management-url', 'http://me:canary@127.0.0.1:4/x', '--trust-management'], 'http://127.0.0.1:4/x'],
  ] as const) {
    const purge = ['admin', 'purge', 'queue', 'q', '--yes', '--connection', 'dev', ...options];
    const { stderr } = await run(purge, secrets);
    assert.is(stderr.split('\n')[0], `mq admin: ${amqp}${apis && `; management API ${apis}`}`);
  }
});

test('the option decides, then MQ_CONNECTION', () => {
  const chosen = (options: Record<string, readonly string[]>, env: Record<string, string>, command = 'wait') =>
    chosenConnection({ env }, new Values({ command, args: [], options }));
  const both = { MQ_CONNECTION: 'b', MQ_URL: 'amqp://h' };
  assert.is(chosen({ connection: ['a'] }, both), 'a');
  assert.is(chosen({ url: ['amqp://h'] }, both), undefined);
  assert.is(chosen({ 'url-file': ['f'] }, { MQ_CONNECTION: 'b' }), undefined);
  assert.is(chosen({}, { MQ_CONNECTION: 'b' }), 'b');
  assert.throws(() => chosen({}, { MQ_CONNECTION: '' }), /MQ_CONNECTION is empty/);
  assert.is(chosen({ from: ['amqp://h'] }, { MQ_CONNECTION: 'b' }, 'init'), undefined);
  assert.is(chosen({ from: ['queue'] }, { MQ_CONNECTION: 'b' }, 'record'), 'b');
  assert.is(chosen({ from: ['queue'], connection: ['a'] }, {}, 'record'), 'a');
});

test('a connection replaces all variables of a broker or a login', async () => {
  const { folder } = home({
    dev: { ...dev, urls: ['amqp://app@h/shop', 'amqp://app@i/shop'], tls: { ca: '/ca.pem' } },
    cloud: {
      urls: ['amqps://h'],
      token: { env: 'TOKEN' },
      managementUrls: ['https://ops@h'],
      managementPassword: { env: 'P' },
    },
  });
  const others = { MQ_URL: 'amqp://x', MQ_MANAGEMENT_URL: 'http://x', MQ_CA: 'x', MQ_TOKEN: 'x', MQ_OAUTH_SCOPE: 'x' };
  const kept = { PATH: '/bin', MQ_CONFIG: 'rascal.json' };
  const env = {
    XDG_CONFIG_HOME: folder,
    DEV_PASSWORD: 'p@:/%',
    TOKEN: 'token-canary',
    P: 'management-canary',
    ...others,
    ...kept,
  };
  const never = new AbortController().signal;
  const context: Partial<Context> = { env, cwd: folder, args: [], drain: never };
  const applied = await withConnection(context as Context, 'dev');
  assert.is(applied.shown, 'amqp://h:5672/shop, amqp://i:5672/shop');
  // Handlers do not inherit the variables that contain a secret of the connection.
  const { XDG_CONFIG_HOME, TOKEN, P, ...rest } = applied.context.env;
  assert.equal(rest, { ...kept, MQ_URL: 'amqp://app:p%40%3A%2F%25@h/shop,amqp://app:p%40%3A%2F%25@i/shop' });
  assert.equal(applied.context.login, { tls: { ca: '/ca.pem' } });
  const { context: cloud } = await withConnection(context as Context, 'cloud');
  const { MQ_MANAGEMENT_URL, TOKEN: token, P: password } = cloud.env;
  assert.equal([MQ_MANAGEMENT_URL, token, password], ['https://ops:management-canary@h', undefined, undefined]);
  assert.equal(cloud.login, { token: { kind: 'token', from: "the connection 'cloud'", token: 'token-canary' } });
});

test('a command that can change the broker prints the name of the connection', async () => {
  const { run } = home({ dev });
  const before = /^mq declare: connection 'dev': amqp:\/\/127\.0\.0\.1:1\/shop\nmq declare: .*\[UNAVAILABLE\]/;
  for (const args of [
    ['declare', '--connection', 'dev'],
    ['--connection', 'dev', 'declare'],
  ]) {
    const { status, stderr } = await run(args, secrets);
    assert.is(status, 69);
    assert.match(stderr, before);
    assert.not.match(stderr, /canary/);
  }
  const { stderr } = await run(['wait', '--timeout', '1ms'], { ...secrets, MQ_CONNECTION: 'dev' });
  assert.not.match(stderr, /connection 'dev'/);
});

test('reads no connection if the command uses no broker', async () => {
  const { run } = home('not JSON');
  const env = { MQ_CONNECTION: 'dev' };
  for (const args of [['version'], ['check', '--schema'], ['graph'], ['init', '--config', '-'], ['wait', '--help']]) {
    const { status, stderr } = await run(args, env);
    assert.is(status, 0, `${args}: ${stderr}`);
  }
});

for (const [title, password, env, status, line] of [
  ['a variable that is not set', { env: 'NOT_SET' }, {}, 64, /the variable NOT_SET of the connection 'dev' is not set/],
  ['a missing file', { file: '/no/such/file' }, {}, 66, /cannot read \/no\/such\/file/],
  ['a command that fails', { command: 'echo no >&2; exit 3' }, {}, 77, /the connection 'dev' ended with status 3: no/],
  ['an empty secret', { env: 'EMPTY' }, { EMPTY: '' }, 65, /the secret of the connection 'dev' is empty/],
] as const) {
  test(`refuses a connection with ${title}`, async () => {
    const { run } = home({ dev: { ...dev, password } });
    const result = await run(['wait', '--connection', 'dev'], env);
    assert.is(result.status, status);
    assert.match(result.stderr, line);
  });
}

test('completes the names of connections', async () => {
  const { folder } = home({ dev, prod: dev });
  const { completions } = await import('../../../src/cli/cli.ts');
  const complete = (...words: string[]) =>
    completions(['--', ...words], { env: { XDG_CONFIG_HOME: folder }, cwd: folder });
  assert.is(await complete('task', '--connection', ''), 'words\ndev\nprod\n');
  assert.is(await complete('--connection=p'), 'words\n--connection=prod\n');
  assert.is(await complete('connection', 'test', 'd'), 'words\ndev\n');
});

test.run();
