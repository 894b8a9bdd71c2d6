// Tests a rascal.json of another author in the working folder. Before the user trusts it, no command starts its
// program, connects to its broker, sends an environment variable, or prints its escape sequences.

import { chownSync, existsSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer, type Server } from 'node:net';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { skip } from '../../src/harness/test-file/skip.ts';
import { runCli } from '../support/cli.ts';
import { emptyFolder, mq, startMq } from '../support/mq.ts';

const canary = 'canary-9f31';
const control = '\u001b]0;owned\u0007\u009b2J';
const builtinRoles =
  'producer consumer task worker emit-log receive-logs emit-log-direct receive-logs-direct emit-log-topic receive-logs-topic rpc-server rpc-client'.split(
    ' ',
  );

/** The broker that the untrusted file names. */
interface Trap {
  readonly server: Server;
  readonly port: number;
  readonly heard: Buffer[];
  connections: number;
}

async function openTrap(): Promise<Trap> {
  const heard: Buffer[] = [];
  const server = createServer((socket) => {
    trap.connections += 1;
    // In AMQP and HTTP the client sends first.
    socket.on('data', (bytes) => {
      heard.push(bytes);
      socket.destroy();
    });
    socket.on('error', () => undefined);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const trap: Trap = { server, port: (server.address() as AddressInfo).port, heard, connections: 0 };
  return trap;
}

type File = Readonly<Record<string, unknown>>;

/** Returns a file in which the receiving roles of the built-in file run a program. */
function withPrograms(handler: unknown): File {
  const receivers = { consumer: 'hello', worker: 'task', 'receive-logs': 'logs', 'rpc-server': 'rpc' };
  const roles = Object.entries(receivers).map(([name, subscription]) => {
    const keys = { arguments: 'keys', keyName: control };
    return [name, { behaviour: 'consume', subscription, handler, summary: control, ...keys }];
  });
  return { mq: { roles: Object.fromEntries(roles) } };
}

function corpus(folder: string, port: number): Readonly<Record<string, File>> {
  const touch = { exec: ['touch', join(folder, 'evil')] };
  const evil = { protocol: 'amqp', hostname: '127.0.0.1', port };
  const queues = { q: {}, [control]: {} };
  return {
    'programs by exec': withPrograms(touch),
    'programs by exec-lines': withPrograms({ execLines: ['touch', join(folder, 'evil')] }),
    'programs by a module': withPrograms({ module: './evil.mjs' }),
    'metrics for other machines': {
      mq: { roles: { producer: { behaviour: 'publish', publication: 'hello', metrics: '0.0.0.0:0' } } },
    },
    'a variable as password': { vhosts: { '/': { connection: { ...evil, user: 'u', password: '${CANARY}' } } } },
    'a variable in the defaults': {
      vhosts: { '/': { queues } },
      defaults: { vhosts: { connection: { ...evil, user: '${CANARY}' } } },
    },
    'a variable in a header': {
      vhosts: { '/': { connection: evil, queues } },
      publications: { hello: { queue: 'q', options: { headers: { secret: '${CANARY}' } } } },
    },
  };
}

/** Command lines that use the file: at least one of each command. */
const reading: readonly (readonly string[])[] = [
  ...builtinRoles.map((role) => [role, ...(role.includes('direct') || role.includes('topic') ? ['k', 'x'] : ['x'])]),
  ['publish', 'hello', 'x'],
  ['subscribe', 'hello'],
  ['request', 'hello', 'x'],
  ['reply', 'hello'],
  ['dlq', 'list', 'hello'],
  ['dlq', 'purge', 'hello', '--yes'],
  ['declare'],
  ['plan'],
  ['wait', '--timeout', '1'],
  ['admin', 'list', 'queues'],
  ['web', '--port', '0'],
  ['cluster', 'up', '--apply', '--name', 'mq-trust-test'],
  ['test', '--self'],
];

/** Commands that use no untrusted part of the file, with their exit status if it does not depend on the file. */
const harmless: readonly (readonly [readonly string[], number?])[] = [
  [['check']],
  [['--help'], 0],
  [['consumer', '--help'], 0],
  [['help', 'worker'], 0],
  [['completions', 'bash'], 0],
  [['completions', 'words', '--', 'dlq', 'list', ''], 0],
  [['completions', 'words', '--', ''], 0],
  [['types'], 0],
  [['version'], 0],
  [['health', '9']],
  [['init', 'worker'], 73],
  [['trust', '--revoke'], 0],
  [['no-such-command'], 64],
];

const trust = suite('a rascal.json that the user did not name');
let trap: Trap;
trust.before(async () => {
  trap = await openTrap();
});
trust.after(() => void trap.server.close());

interface Place {
  readonly cwd: string;
  readonly env: Readonly<Record<string, string>>;
}

function placeWith(content: (folder: string) => File): Place {
  const cwd = emptyFolder({ 'evil.mjs': "import { writeFileSync } from 'node:fs';\nwriteFileSync('evil', '');\n" });
  writeFileSync(join(cwd, 'rascal.json'), JSON.stringify(content(cwd)));
  return { cwd, env: { CANARY: canary, XDG_CONFIG_HOME: emptyFolder() } };
}

function assertNothingLeft({ cwd }: Place, { stdout, stderr }: { stdout: string; stderr: string }, what: string): void {
  assert.not(existsSync(join(cwd, 'evil')), `${what}: a program ran`);
  assert.is(trap.connections, 0, `${what}: connected`);
  assert.not(Buffer.concat(trap.heard).includes(canary), `${what}: a variable was sent`);
  // biome-ignore lint/suspicious/noControlCharactersInRegex: the test searches for them
  assert.not.match(stdout + stderr, /[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/, `${what}: an escape`);
  assert.not.match(stdout + stderr, canary);
}

for (const name of Object.keys(corpus('', 0))) {
  trust(`no command uses ${name}`, async () => {
    const place = placeWith((folder) => corpus(folder, trap.port)[name] as File);
    for (const args of reading) {
      const result = await runCli(args, place);
      const what = `mq ${args.join(' ')}`;
      assertNothingLeft(place, result, what);
      assert.is(result.status, 78, `${what}: ${result.stderr}`);
      assert.match(result.stderr, /is not trusted: .* \[UNTRUSTED\]\nhint: .*mq trust/, what);
      assert.is(result.stdout, '', what);
    }
    for (const [args, status] of harmless) {
      // main.ts answers completion requests without cli().
      const result = args[1] === 'words' ? await mq(args, place) : await runCli(args, place);
      assertNothingLeft(place, result, `mq ${args.join(' ')}`);
      if (status !== undefined) assert.is(result.status, status, `mq ${args.join(' ')}: ${result.stderr}`);
    }
  });
}

trust('the executable uses no part of an untrusted rascal.json', async () => {
  const place = placeWith((folder) => corpus(folder, trap.port)['programs by exec'] as File);
  for (const args of [['consumer'], ['task', 'x'], ['test', '--self'], ['web', '--port', '0']]) {
    const result = await mq(args, place);
    assertNothingLeft(place, result, `mq ${args.join(' ')}`);
    assert.is(result.status, 78, result.stderr);
  }
});

trust('mq demo and mq broker use no part of an untrusted rascal.json', async () => {
  const place = placeWith((folder) => ({
    ...withPrograms({ exec: ['touch', join(folder, 'evil')] }),
    ...corpus(folder, trap.port)['a variable as password'],
  }));
  const demo = await mq(['demo', '--json'], place);
  assert.is(demo.status, 0, demo.stderr);
  assertNothingLeft(place, demo, 'mq demo');
  const broker = startMq(['broker', '--port', '0'], place);
  await broker.prints(/amqp:\/\//);
  assertNothingLeft(place, await broker.stop(), 'mq broker');
});

trust('mq refuses the file of another user but not of root', async () => {
  if (process.getuid?.() !== 0) skip('needs root, to give a file away');
  const place = placeWith(() => ({}));
  chownSync(join(place.cwd, 'rascal.json'), 12_345, 12_345);
  const refused = await mq(['wait', '--timeout', '1'], place);
  assert.match(refused.stderr, /it belongs to another user \[UNTRUSTED\]/);
  assert.is(refused.status, 78);
});

/**
 * Returns `true` if mq uses the file. It then fails with a status other than 78, because the broker does not answer.
 */
async function isUsed(place: Place, args: readonly string[] = [], env: Readonly<Record<string, string>> = {}) {
  const { status, stderr } = await mq(['wait', '--timeout', '1', ...args], { ...place, env: { ...place.env, ...env } });
  assert.is(/\[UNTRUSTED\]/.test(stderr), status === 78, stderr);
  return status !== 78;
}

trust('mq trust applies to one path with one content, and can be revoked', async () => {
  const hostile = (folder: string) => corpus(folder, trap.port)['a variable as password'] as File;
  const place = placeWith(hostile);
  const file = join(place.cwd, 'rascal.json');
  assert.not(await isUsed(place));
  assert.is((await mq(['trust'], place)).status, 0);
  assert.ok(await isUsed(place));
  const store = join(place.env['XDG_CONFIG_HOME'] ?? '', 'mq', 'trust');
  assert.is(statSync(store).mode & 0o777, 0o700);
  assert.equal(
    readdirSync(store).map((name) => statSync(join(store, name)).mode & 0o777),
    [0o600],
  );
  assert.not(await isUsed({ ...placeWith(hostile), env: place.env }), 'another path');
  writeFileSync(file, `${JSON.stringify(hostile(place.cwd))}\n`);
  assert.not(await isUsed(place), 'another content');
  await mq(['trust'], place);
  assert.is((await mq(['trust', '--revoke'], place)).status, 0);
  assert.equal(readdirSync(store), []);
  assert.not(await isUsed(place), 'revoked');
});

trust('MQ_TRUST, --config and MQ_CONFIG count as consent', async () => {
  const place = placeWith((folder) => corpus(folder, trap.port)['a variable as password'] as File);
  assert.ok(await isUsed(place, [], { MQ_TRUST: `/nowhere:${place.cwd}` }));
  assert.ok(await isUsed(place, [], { MQ_TRUST: join(place.cwd, 'rascal.json') }));
  assert.not(await isUsed(place, [], { MQ_TRUST: `${place.cwd}/below` }));
  assert.ok(await isUsed(place, ['--config', 'rascal.json']));
  assert.ok(await isUsed(place, [], { MQ_CONFIG: 'rascal.json' }));
  const relative = await mq(['wait'], { ...place, env: { ...place.env, MQ_TRUST: '.' } });
  assert.is(relative.status, 64);
});

for (const [what, connection, args, env] of [
  ['a variable', { url: 'amqp://admin@127.0.0.1' }, [], { MQ_PASSWORD: canary }],
  ['a file that a variable names', { url: 'amqp://admin@127.0.0.1' }, [], { MQ_PASSWORD_FILE: 'secret' }],
  ['--user', {}, ['--user', 'admin'], { MQ_PASSWORD: canary }],
  ['--password-file', {}, ['--password-file', 'secret'], {}],
] as const) {
  trust(`the management API of a file receives no password of ${what}`, async () => {
    const api = await openTrap();
    try {
      const own = { ...connection, management: `http://127.0.0.1:${api.port}` };
      const place = placeWith(() => ({ vhosts: { '/': { connection: own } } }));
      writeFileSync(join(place.cwd, 'secret'), canary);
      const list = (...more: string[]) =>
        mq(['admin', 'list', 'queues', '--trust-management', ...args, ...more], {
          ...place,
          env: { ...place.env, ...env },
        });
      const login = [`admin:${canary}`, `guest:${canary}`].map((text) => Buffer.from(text).toString('base64'));
      const isSent = () => login.some((text) => Buffer.concat(api.heard).includes(text));
      const refused = await list();
      assert.is(api.connections, 0, refused.stderr);
      assert.is(refused.status, 78, refused.stderr);
      assert.match(refused.stderr, /a user or password of yours \[UNTRUSTED\]/);
      await mq(['trust'], place);
      await list();
      assert.ok(isSent(), 'the password is sent after consent');
      await mq(['trust', '--revoke'], place);
      api.heard.length = 0;
      await list('--config', 'rascal.json');
      assert.ok(isSent(), 'the password is sent to the API of a named file');
    } finally {
      api.server.close();
    }
  });
}

for (const args of [
  ['set', 'password', 'anna'],
  ['create', 'user', 'anna'],
  ['set', 'password', 'anna', '--new-password-file', 'secret'],
  ['set', 'password', 'anna', '--password-hash', 'aGFzaA=='],
]) {
  trust(`${args.join(' ')} sends no new password to the management API of a file`, async () => {
    const api = await openTrap();
    try {
      const connection = { url: 'amqp://127.0.0.1', management: `http://admin:own@127.0.0.1:${api.port}` };
      const place = placeWith(() => ({ vhosts: { '/': { connection } } }));
      writeFileSync(join(place.cwd, 'secret'), canary);
      const env = { ...place.env, ...(args.length === 3 && { MQ_NEW_PASSWORD: canary }) };
      const act = (...more: string[]) => mq(['admin', ...args, '--trust-management', ...more], { ...place, env });
      const refused = await act();
      assert.is(api.connections, 0, refused.stderr);
      assert.is(refused.status, 78, refused.stderr);
      assert.match(refused.stderr, /would receive a new password \[UNTRUSTED\]/);
      await act('--config', 'rascal.json');
      assert.not.equal(api.connections, 0, 'the API of a named file is used');
      await mq(['trust'], place);
      const { status } = await act();
      assert.not.equal(status, 78, 'the API is used after consent');
    } finally {
      api.server.close();
    }
  });
}

trust('the management API of a file receives no login of the environment', async () => {
  const api = await openTrap();
  try {
    const connection = { url: 'amqp://127.0.0.1', management: `http://admin:own@127.0.0.1:${api.port}` };
    const place = placeWith(() => ({ vhosts: { '/': { connection } } }));
    const list = (env: Readonly<Record<string, string>>) =>
      mq(['admin', 'list', 'queues', '--trust-management'], { ...place, env: { ...place.env, ...env } });
    await list({ MQ_URL: `amqp://admin:${canary}@127.0.0.1:${trap.port}` });
    assert.is(api.connections, 0);
    await list({ MQ_PASSWORD: canary });
    assert.match(Buffer.concat(api.heard).toString(), `Basic ${Buffer.from('admin:own').toString('base64')}`);
    await mq(['web', '--port', '0'], { ...place, env: { ...place.env, MQ_PASSWORD: canary } });
    assert.not.match(Buffer.concat(api.heard).toString(), Buffer.from(canary).toString('base64').slice(0, 8));
  } finally {
    api.server.close();
  }
});

trust('on a terminal mq asks once', async () => {
  const place = placeWith((folder) => corpus(folder, trap.port)['a variable as password'] as File);
  const ask = (input: string) => runCli(['wait', '--timeout', '1'], { ...place, input, terminal: 200 });
  const refused = await ask('n\n');
  assert.is(refused.status, 78);
  assert.match(refused.stderr, /variables of the environment \(CANARY\)\ntrust .*\? \[y\/N\]/);
  assert.is.not((await ask('y\n')).status, 78);
  assert.ok(await isUsed(place));
});

trust("mq uses the user's own file without a question", async () => {
  const exec = { exec: ['./thumb.sh'] };
  const roles = { thumbnails: { consume: 'q', handler: exec } };
  const vhosts = { '/': { connection: `amqp://127.0.0.1:${trap.port}`, queues: ['q'] } };
  assert.ok(await isUsed(placeWith(() => ({ vhosts, subscriptions: { q: { queue: 'q' } }, mq: { roles } }))));
});

trust.run();
