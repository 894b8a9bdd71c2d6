// Whatever is wrong before a broker is reached: the configuration, the command line, the address, what listens there.

import { randomBytes } from 'node:crypto';
import { createServer, type Server, type Socket } from 'node:net';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { emptyFolder, type MqOptions, mq } from '../support/mq.ts';
import {
  addressWithCanary,
  assertNoSecret,
  assertRefused,
  assertRefusedInJson,
  canary,
  type Refusal,
} from '../support/refusal.ts';

interface Row extends Refusal {
  readonly title: string;
  readonly args: readonly string[];
  /** Of the folder mq runs in. */
  readonly files?: Readonly<Record<string, string>>;
  readonly env?: MqOptions['env'];
  readonly input?: string;
  /** Also with --json and --debug. */
  readonly everyStyle?: true;
}

function tests(rows: readonly Row[]): void {
  for (const { title, args, files = {}, env = {}, input, everyStyle, ...refusal } of rows) {
    const run = (more: readonly string[] = []) =>
      mq([...more, ...args], {
        cwd: emptyFolder(files),
        // Nothing answers on port 1: what should be refused before, and is not, ends too.
        env: { MQ_URL: addressWithCanary('127.0.0.1:1'), ...env },
        ...(input !== undefined && { input }),
      });
    test(title, async () => assertRefused(await run(), refusal));
    if (!everyStyle) continue;
    test(`${title}: with --json one object`, async () =>
      assertRefusedInJson(await run(['--json']), args[0] ?? '', refusal));
    test(`${title}: with --debug the stack, and still no password`, async () => {
      const result = await run(['--debug']);
      assertNoSecret(result);
      assert.is(result.status, refusal.exit);
      assert.match(result.stderr, /^MqError: .*\n {4}at /m);
    });
  }
}

const json = (value: unknown) => JSON.stringify(value);
const rascal = (value: unknown) => ({ 'rascal.json': typeof value === 'string' ? value : json(value) });
const connection = (url: string) => rascal({ vhosts: { '/': { connection: url } } });

// The configuration

tests([
  {
    title: 'a publication that is not there: its name and those that are',
    args: ['publish', 'tsak', 'text'],
    exit: 64,
    line: "mq publish: there is no publication 'tsak'; did you mean 'task'? [USAGE]",
    hint: 'there are hello, task, logs, direct_logs, topic_logs, rpc',
  },
  {
    title: 'a subscription that is not there, and none that is like it',
    args: ['subscribe', 'nothing-like-it'],
    exit: 64,
    line: "mq subscribe: there is no subscription 'nothing-like-it' [USAGE]",
    hint: 'there are hello, task, logs, direct_logs, topic_logs, rpc',
  },
  {
    title: 'the file of a certificate that is not there: in words',
    args: ['broker', '--port', '0', '--tls-cert', 'none.pem', '--tls-key', 'none.pem'],
    exit: 66,
    line: 'mq broker: cannot read none.pem: no such file or directory [NO_INPUT]',
  },
  {
    title: 'a file that --config names and is not there',
    args: ['producer', '--config', 'none.json', 'hi'],
    exit: 66,
    line: 'mq producer: cannot read the configuration none.json: there is no such file [NO_INPUT]',
    hint: 'it is named by --config',
    everyStyle: true,
  },
  {
    title: 'a file that MQ_CONFIG names and is not there',
    args: ['worker'],
    env: { MQ_CONFIG: 'none.json' },
    exit: 66,
    line: 'mq worker: cannot read the configuration none.json: there is no such file [NO_INPUT]',
    hint: 'it is named by MQ_CONFIG',
  },
  {
    title: 'a configuration that cannot be read: a folder',
    args: ['producer', '--config', '/', 'hi'],
    exit: 66,
    line: 'mq producer: cannot read the configuration /: it is a directory [NO_INPUT]',
    hint: 'it is named by --config',
  },
  {
    title: 'no configuration to check',
    args: ['check'],
    exit: 66,
    line: 'mq check: there is no rascal.json here [NO_INPUT]',
    hint: 'mq check FILE names another one',
  },
  {
    title: 'a file to check that is not there',
    args: ['check', 'none.json'],
    exit: 66,
    line: 'mq check: cannot read the configuration none.json: there is no such file [NO_INPUT]',
  },
  {
    title: 'a malformed configuration is told with line and column',
    args: ['producer', 'hi'],
    files: rascal('{\n  "vhosts": {\n    "/": { "queues": { "a": tru } }\n  }\n}'),
    exit: 78,
    line: 'mq producer: rascal.json:3:29: unexpected token [CONFIG]',
    hint: 'the rest of the file is checked when it is valid JSON',
    everyStyle: true,
  },
  {
    title: 'an empty configuration',
    args: ['producer', 'hi'],
    files: rascal(''),
    exit: 78,
    line: 'mq producer: rascal.json:1:1: the file is empty [CONFIG]',
  },
  {
    title: 'a configuration that is a list',
    args: ['producer', 'hi'],
    files: rascal('[]'),
    exit: 78,
    line: 'mq producer: rascal.json:1:1: must be an object (not a list) [CONFIG]',
  },
  {
    title: 'a configuration that is not UTF-8',
    args: ['producer', '--config', '/bin/sh', 'hi'],
    exit: 78,
    line: 'mq producer: /bin/sh: is not UTF-8 [CONFIG]',
  },
  {
    title: 'an unknown attribute',
    args: ['producer', 'hi'],
    files: rascal({ publicatoins: {} }),
    exit: 78,
    line: 'mq producer: rascal.json:1:2: publicatoins: unknown key (did you mean "publications"?) [CONFIG]',
  },
  {
    title: 'an unknown publication',
    args: ['producer', 'hi'],
    files: rascal({ mq: { roles: { mine: { publish: 'helo' } } } }),
    exit: 78,
    line: 'mq producer: rascal.json:1:35: mq.roles.mine.publish: unknown publication "helo" (did you mean "hello"?) [CONFIG]',
  },
  {
    title: 'an unknown subscription',
    args: ['producer', 'hi'],
    files: rascal({ mq: { roles: { mine: { consume: 'nothing' } } } }),
    exit: 78,
    line: 'mq producer: rascal.json:1:35: mq.roles.mine.consume: unknown subscription "nothing" [CONFIG]',
  },
  {
    title: 'an unknown type of exchange',
    args: ['producer', 'hi'],
    files: rascal({ vhosts: { '/': { exchanges: { e: { type: 'topc' } } } } }),
    exit: 78,
    line: 'mq producer: rascal.json:1:42: vhosts["/"].exchanges.e.type: must be direct, fanout, topic, headers or x-…, not "topc" (did you mean "topic"?) [CONFIG]',
  },
  {
    title: 'a binding to a queue that is missing',
    args: ['producer', 'hi'],
    files: rascal({ vhosts: { '/': { exchanges: ['e'], bindings: ['e -> nope'] } } }),
    exit: 78,
    line: 'mq producer: rascal.json:1:47: vhosts["/"].bindings[0]: unknown queue "nope" [CONFIG]',
  },
  {
    title: 'a variable that the environment lacks',
    args: ['producer', 'hi'],
    files: rascal(json({ publications: { p: { queue: '$NAME' } } }).replace('$NAME', ['$', '{NOPE}'].join(''))),
    exit: 78,
    line: /^mq producer: rascal\.json:1:32: publications\.p\.queue: the environment has no variable "NOPE" \(a default is written .*\) \[CONFIG\]$/,
  },
  {
    title: 'several problems are all told, one line each',
    args: ['producer', 'hi'],
    files: rascal({ publicatoins: {}, vhosts: { '/': { queue: {} } } }),
    exit: 78,
    line: 'mq producer: rascal.json has 2 problems [CONFIG]',
    problems: [
      'rascal.json:1:2: publicatoins: unknown key (did you mean "publications"?)',
      'rascal.json:1:35: vhosts["/"].queue: unknown key (did you mean "queues"?)',
    ],
  },
  {
    title: 'an address in rascal.json with a bad port',
    args: ['producer', 'hi'],
    files: connection(addressWithCanary('h:99999')),
    exit: 78,
    line: 'mq producer: rascal.json:1:30: vhosts["/"].connection: the port is not a number from 1 to 65535 (an address is written amqp://user:password@host:port/vhost) [CONFIG]',
    everyStyle: true,
  },
  {
    title: 'a role that is named like an option',
    args: ['producer', 'hi'],
    files: rascal({ mq: { roles: { '--json': { publish: 'hello' } } } }),
    exit: 78,
    line: 'mq producer: rascal.json:1:26: mq.roles.--json: a role is named with letters, digits and _ . : - only [CONFIG]',
  },
  {
    title: 'a role that has the name of a command',
    args: ['check'],
    files: rascal({ mq: { roles: { publish: { publish: 'hello' } } } }),
    exit: 78,
    line: 'mq check: rascal.json:1:27: mq.roles.publish: mq has a command of this name; give the role another one [CONFIG]',
  },
  {
    title: 'a role that has the name of a command, beside another mistake',
    args: ['check'],
    files: rascal({ mq: { roles: { demo: { publish: 'hello' }, mine: { publish: 'helo' } } } }),
    exit: 78,
    line: 'mq check: rascal.json has 2 problems [CONFIG]',
    problems: [
      'rascal.json:1:24: mq.roles.demo: mq has a command of this name; give the role another one',
      'rascal.json:1:62: mq.roles.mine.publish: unknown publication "helo" (did you mean "hello"?)',
    ],
  },
]);

test('mq check --json tells each problem as an object in a line of its own', async () => {
  const cwd = emptyFolder(rascal('{\n"x": 1,\n"publications": { "p": { "queue": "no" } } }'));
  const { status, stdout, stderr } = await mq(['check', '--json'], { cwd });
  assert.is(status, 78);
  const told = stdout
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as object);
  assert.equal(told, [
    { file: 'rascal.json', code: 'unknown-key', path: 'x', line: 2, column: 1, message: 'unknown key' },
    {
      file: 'rascal.json',
      code: 'reference',
      path: 'publications.p.queue',
      line: 3,
      column: 35,
      message: 'unknown queue "no"',
    },
  ]);
  assert.equal(JSON.parse(stderr), { level: 'error', code: 'CONFIG', exit: 78, message: 'rascal.json has 2 problems' });
});

test('mq help is --help', async () => {
  assert.is((await mq(['help'])).stdout, (await mq(['--help'])).stdout);
  assert.is((await mq(['help', 'worker'])).stdout, (await mq(['worker', '--help'])).stdout);
  assert.is((await mq(['help', 'wrker'])).status, 64);
});

test('a role may be named as an option without its dashes, or as what every object has', async () => {
  const roles = { json: { publish: 'hello' }, constructor: { publish: 'hello' } };
  const cwd = emptyFolder(rascal({ mq: { roles } }));
  for (const name of Object.keys(roles)) {
    const { status, stdout } = await mq([name, '--help'], { cwd });
    assert.is(status, 0);
    assert.match(stdout, `Usage: mq ${name} [options] [text…]`);
  }
});

// The address

const addressHint = 'an address is written amqp://user:password@host:port/vhost';
const badAddresses = [
  ['of another scheme', addressWithCanary('h', { scheme: 'http' }), 'the scheme is http, not amqp or amqps'],
  ['without a scheme', `mq:${encodeURIComponent(canary)}@h`, 'not a URL: it does not begin with amqp:// or amqps://'],
  ['with a port over 65535', addressWithCanary('h:99999'), 'the port is not a number from 1 to 65535'],
  ['with a port in letters', addressWithCanary('h:amqp'), 'the port is not a number from 1 to 65535'],
  ['without a host', addressWithCanary(''), 'the host is missing'],
  [
    'with the password as it is',
    `amqp://mq:${canary}@h`,
    'a special character in the user or password is not percent-encoded',
  ],
  [
    'with a broken percent sign',
    addressWithCanary('h/%zz'),
    'a % is not followed by two hexadecimal digits of UTF-8 (a literal % is written %25)',
  ],
  [
    'with an unknown option',
    addressWithCanary('h?hartbeat=1'),
    'unknown option in the query: "hartbeat" (did you mean "heartbeat"?)',
  ],
  ['that is empty', '', 'the address is empty'],
  [
    'that is the second of a list',
    `${addressWithCanary('h')},${addressWithCanary('h:0')}`,
    'address 2: the port is not a number from 1 to 65535',
  ],
] as const;

tests([
  ...badAddresses.map(
    ([kind, url, why]): Row => ({
      title: `--url ${kind}`,
      args: ['producer', '--url', url, 'hi'],
      exit: 64,
      line: `mq producer: --url: ${why} [USAGE]`,
      hint: addressHint,
    }),
  ),
  ...badAddresses.slice(0, 6).map(
    ([kind, url, why]): Row => ({
      title: `MQ_URL ${kind}`,
      args: ['worker'],
      env: { MQ_URL: url },
      exit: 64,
      line: `mq worker: MQ_URL: ${why} [USAGE]`,
      hint: addressHint,
      ...(kind === 'with a port over 65535' && { everyStyle: true }),
    }),
  ),
  ...['worker', 'publish', 'check'].map(
    (command): Row => ({
      title: `an address where mq ${command} takes none`,
      args: [command, addressWithCanary('127.0.0.1')],
      exit: command === 'check' ? 66 : 64,
      line: new RegExp(`^mq ${command}: .*amqp:/.*\\*{3}@127\\.0\\.0\\.1`),
      ...(command === 'publish' && { hint: 'there are hello, task, logs, direct_logs, topic_logs, rpc' }),
      ...(command !== 'check' && command !== 'publish' && { hint: `mq ${command} --help` }),
    }),
  ),
  {
    title: 'an address as the command',
    args: [addressWithCanary('127.0.0.1')],
    exit: 64,
    line: /: there is no command 'amqp:\/\/\*{3}@127\.0\.0\.1' \[USAGE\]$/,
    hint: 'mq --help lists the commands',
  },
  {
    title: 'an address after a misspelt --url',
    args: ['--ur1', addressWithCanary('127.0.0.1'), 'producer'],
    exit: 64,
    line: 'mq: there is no option --ur1 [USAGE]',
    hint: 'mq --help lists the commands, mq <command> --help the options of one',
  },
  {
    title: 'a port where nothing listens',
    args: ['producer', '--url', addressWithCanary('127.0.0.1:1'), 'hi'],
    exit: 69,
    line: 'mq producer: no broker answers at 127.0.0.1:1 (ECONNREFUSED) [UNAVAILABLE]',
    hint: 'start a broker there (mq broker), or give its address by --url or MQ_URL',
    everyStyle: true,
  },
  {
    title: 'nothing listens at the address of rascal.json',
    args: ['consumer', '--config', 'rascal.json'],
    files: connection(addressWithCanary('127.0.0.1:1/some')),
    exit: 69,
    line: 'mq consumer: no broker answers at 127.0.0.1:1 (ECONNREFUSED) [UNAVAILABLE]',
    hint: 'start a broker there (mq broker), or give its address by --url or MQ_URL',
    everyStyle: true,
  },
  {
    title: 'a host that DNS does not know is told soon',
    args: ['rpc-client', '--url', addressWithCanary('no-such-host.invalid'), '3'],
    exit: 68,
    line: /^mq rpc-client: the host no-such-host\.invalid is unknown \((ENOTFOUND|EAI_AGAIN)\) \[HOST_UNKNOWN\]$/,
    hint: 'check the name in --url, MQ_URL or rascal.json',
    everyStyle: true,
  },
]);

// A server that is not a broker

interface Listener {
  readonly title: string;
  readonly onSocket: (socket: Socket) => void;
  readonly scheme?: 'amqps';
  readonly exit: number;
  readonly line: string;
  readonly hint?: string;
}

const notAmqp = {
  exit: 76,
  line: 'mq producer: the server does not speak AMQP 0-9-1 [PROTOCOL]',
  hint: 'RabbitMQ listens for AMQP on 5672 (plain) and 5671 (TLS); 15672 is its management page',
};
const notTls = {
  exit: 76,
  line: 'mq producer: the server does not speak TLS [TLS]',
  hint: 'use amqp:// for a plain port (5672), amqps:// for a TLS port (5671)',
};
const noAnswer = {
  exit: 69,
  line: 'mq producer: no broker answered the connection in time [UNAVAILABLE]',
  hint: notAmqp.hint,
};
const answerHttp = (socket: Socket) => {
  socket.once('data', () => socket.end('HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n'));
};

const listeners: readonly Listener[] = [
  { title: 'a server that answers HTTP', onSocket: answerHttp, ...notAmqp },
  {
    title: 'a server that sends garbage',
    onSocket: (socket) => socket.write(Buffer.concat([Buffer.from([0xff]), randomBytes(4096)])),
    ...notAmqp,
  },
  { title: 'a server that greets as SSH', onSocket: (socket) => socket.write('SSH-2.0-OpenSSH_9.2\r\n'), ...notAmqp },
  { title: 'a server that closes at once', onSocket: (socket) => socket.end(), ...notAmqp },
  {
    title: 'a server that speaks another version of AMQP',
    onSocket: (socket) => socket.once('data', () => socket.end('AMQP\0\u0001\0\0')),
    ...notAmqp,
  },
  {
    // What a TLS port says to a plain client: a fatal alert.
    title: 'plain to a TLS port',
    onSocket: (socket) => socket.once('data', () => socket.end(Buffer.from([0x15, 3, 1, 0, 2, 2, 0x46]))),
    ...notAmqp,
  },
  {
    title: 'a server that resets the connection',
    onSocket: (socket) => socket.once('data', () => socket.resetAndDestroy()),
    exit: 69,
    line: 'mq producer: the connection to the broker failed: read ECONNRESET [UNAVAILABLE]',
  },
  { title: 'TLS to a server that answers HTTP', onSocket: answerHttp, scheme: 'amqps', ...notTls },
  { title: 'a server that stays silent', onSocket: () => undefined, ...noAnswer },
  {
    title: 'a server that stays silent within a frame',
    onSocket: (socket) => socket.once('data', () => socket.write(Buffer.alloc(7))),
    ...noAnswer,
  },
];

for (const { title, onSocket, scheme = 'amqp', ...refusal } of listeners) {
  test(title, async () => {
    await using server = await listening(onSocket);
    const url = addressWithCanary(`127.0.0.1:${server.port}`, { scheme });
    assertRefused(await mq(['producer', '--url', url, 'hi']), refusal);
  });
}

async function listening(onSocket: (socket: Socket) => void): Promise<AsyncDisposable & { port: number }> {
  const sockets = new Set<Socket>();
  const server: Server = createServer((socket) => {
    sockets.add(socket.on('error', () => undefined));
    onSocket(socket);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    port: (server.address() as { port: number }).port,
    [Symbol.asyncDispose]: async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

// The command line

const numbers = {
  whole: { worker: ['count', 'prefetch', 'concurrency'], producer: ['window'], 'rpc-client': ['window'] },
  seconds: {
    worker: ['idle', 'drain', 'grace', 'handler-timeout'],
    producer: ['timeout', 'drain'],
    'rpc-client': ['timeout', 'drain'],
  },
} as const;

const numberRows = Object.entries(numbers).flatMap(([kind, commands]) =>
  Object.entries<readonly string[]>(commands).flatMap(([command, options]) =>
    options.map((option, index): Row => {
      // Every option has one value that is no number; the first of each command has several.
      const value = ['abc', '0', '-1', '1e3'][index % 4] as string;
      const range =
        kind === 'seconds' ? 'a duration \\(500ms, 30s, 5m or 1h\\) from 1ms to 24d' : 'a whole number from 1';
      return {
        title: `mq ${command} --${option} ${value}`,
        args: [command, `--${option}`, value],
        exit: 64,
        line: new RegExp(`^mq ${command}: --${option} must be ${range}.*, not '${value}' \\[USAGE\\]$`),
        hint: `mq ${command} --help`,
      };
    }),
  ),
);

const help = (command: string) => `mq ${command} --help`;
const list = (command: string) => `mq ${command} --help lists the options; what follows -- is no option`;

tests([
  ...numberRows,
  {
    title: 'a number that is empty',
    args: ['worker', '--count', ''],
    exit: 64,
    line: "mq worker: --count must be a whole number from 1 on, not '' [USAGE]",
    hint: help('worker'),
  },
  {
    title: 'a time that no timer can count',
    args: ['worker', '--idle', '2147484'],
    exit: 64,
    line: "mq worker: --idle must be a duration (500ms, 30s, 5m or 1h) from 1ms to 24d, not '2147484' [USAGE]",
    hint: help('worker'),
  },
  {
    title: 'a prefetch beyond the protocol',
    args: ['worker', '--prefetch', '65536'],
    exit: 64,
    line: "mq worker: --prefetch must be a whole number from 1 to 65535, not '65536' [USAGE]",
    hint: help('worker'),
  },
  {
    title: 'an unknown command, and what was probably meant',
    args: ['workr'],
    exit: 64,
    line: "mq workr: there is no command 'workr' [USAGE]",
    hint: "did you mean 'mq worker'?",
    everyStyle: true,
  },
  ...['constructor', 'toString', '__proto__', ''].map(
    (name): Row => ({
      title: `the command ${JSON.stringify(name)}`,
      args: [name],
      exit: 64,
      line: new RegExp(`^mq ?${name}: there is no command '${name}' \\[USAGE\\]$`),
      hint: 'mq --help lists the commands',
    }),
  ),
  {
    title: 'an unknown option, and what was probably meant',
    args: ['producer', '--heade', 'a=b'],
    exit: 64,
    line: 'mq producer: there is no option --heade [USAGE]',
    hint: 'did you mean --header?',
    everyStyle: true,
  },
  ...['--constructor', '--__proto__', '--no-json', '-q', '-hx'].map(
    (option): Row => ({
      title: `the option ${option}`,
      args: ['producer', option],
      exit: 64,
      line: `mq producer: there is no option ${option} [USAGE]`,
      hint: list('producer'),
    }),
  ),
  ...(
    [
      ['-url', '--url'],
      ['--routingKey', '--routing-key'],
    ] as const
  ).map(
    ([typed, meant]): Row => ({
      title: `${typed} for ${meant}`,
      args: ['producer', typed, 'x'],
      exit: 64,
      line: `mq producer: there is no option ${typed} [USAGE]`,
      hint: `did you mean ${meant}?`,
    }),
  ),
  {
    title: 'a value for a flag',
    args: ['producer', '--persistent=false'],
    exit: 64,
    line: 'mq producer: --persistent takes no value [USAGE]',
    hint: help('producer'),
  },
  {
    title: 'an option of another command',
    args: ['producer', '--count', '1'],
    exit: 64,
    line: 'mq producer: there is no option --count [USAGE]',
    hint: /./,
  },
  ...(
    [
      ['producer', 'url', 'URLS'],
      ['producer', 'header', 'NAME=VALUE'],
      ['worker', 'exec', 'CMD ARGS…'],
      ['worker', 'count', 'N'],
    ] as const
  ).map(
    ([command, option, value]): Row => ({
      title: `mq ${command} --${option} without its value`,
      args: [command, `--${option}`],
      exit: 64,
      line: `mq ${command}: --${option} needs a value: ${value} [USAGE]`,
      hint: help(command),
    }),
  ),
  {
    title: 'two inputs: text and --lines',
    args: ['producer', '--lines', 'hi'],
    exit: 64,
    line: "mq producer: 'hi' and --lines are two inputs; give one [USAGE]",
    hint: help('producer'),
  },
  {
    title: 'two inputs: text and --file',
    args: ['rpc-client', '--file', '-', '30'],
    exit: 64,
    line: "mq rpc-client: '30' and --file are two inputs; give one [USAGE]",
    hint: help('rpc-client'),
  },
  {
    title: 'two handlers',
    args: ['worker', '--handler', 'x.ts', '--exec', 'true'],
    exit: 64,
    line: 'mq worker: --exec and --handler exclude each other [USAGE]',
    hint: help('worker'),
  },
  {
    title: 'a word too many',
    args: ['worker', 'now'],
    exit: 64,
    line: "mq worker: unexpected argument 'now' [USAGE]",
    hint: help('worker'),
  },
  {
    title: 'a header without a value',
    args: ['producer', '--header', 'a'],
    exit: 64,
    line: "mq producer: --header must be NAME=VALUE, not 'a' [USAGE]",
    hint: help('producer'),
  },
  {
    title: 'an unknown property',
    args: ['producer', '--property', 'colour=red'],
    exit: 64,
    line: /^mq producer: there is no property 'colour'; there are content-type, .* \[USAGE\]$/,
    hint: help('producer'),
  },
  {
    title: 'a priority that is no number',
    args: ['producer', '--property', 'priority=high'],
    exit: 64,
    line: "mq producer: the property priority must be a whole number from 0 to 255, not 'high' [USAGE]",
    hint: help('producer'),
  },
  {
    title: 'receive-logs-direct without keys prints its usage',
    args: ['receive-logs-direct'],
    exit: 64,
    line: 'mq receive-logs-direct: no severity is given; usage: mq receive-logs-direct [options] severity… [USAGE]',
    hint: help('receive-logs-direct'),
  },
  {
    title: 'receive-logs-topic without keys prints its usage',
    args: ['receive-logs-topic'],
    exit: 64,
    line: 'mq receive-logs-topic: no pattern is given; usage: mq receive-logs-topic [options] pattern… [USAGE]',
    hint: help('receive-logs-topic'),
    everyStyle: true,
  },
  {
    title: 'publish without a name',
    args: ['publish'],
    exit: 64,
    line: /^mq publish: give the name of a publication; there are hello, task, .* \[USAGE\]$/,
    hint: help('publish'),
  },
  {
    title: 'subscribe to a misspelt name',
    args: ['subscribe', 'helo'],
    exit: 64,
    line: "mq subscribe: there is no subscription 'helo'; did you mean 'hello'? [USAGE]",
    hint: 'there are hello, task, logs, direct_logs, topic_logs, rpc',
  },
]);

// Handlers and files that are looked at before the broker

tests([
  {
    title: 'a command for --exec that is missing',
    args: ['worker', '--exec', './none.sh'],
    exit: 71,
    line: 'mq worker: cannot run ./none.sh: no such file [SYSTEM]',
    hint: 'check the path; it is relative to the current folder, in rascal.json to the folder of that file',
  },
  {
    title: 'a command for --exec that is not on PATH',
    args: ['worker', '--exec', 'no-such-command-here'],
    exit: 71,
    line: 'mq worker: cannot run no-such-command-here: no such command on PATH [SYSTEM]',
    hint: 'for a file in this folder write ./no-such-command-here; for shell syntax: sh -c "…"',
  },
  {
    title: 'a command for --exec that may not be run',
    args: ['worker', '--exec', './work.sh'],
    files: { 'work.sh': '#!/bin/sh\n' },
    exit: 71,
    line: /^mq worker: cannot run \.\/work\.sh: .* \[SYSTEM\]$/,
    hint: /chmod/,
  },
  {
    title: 'a folder for --exec',
    args: ['worker', '--exec', '/tmp'],
    exit: 71,
    line: 'mq worker: cannot run /tmp: not a file [SYSTEM]',
    hint: 'name a file that can be run',
  },
  {
    title: 'an empty command for --exec',
    args: ['worker', '--exec', ''],
    exit: 64,
    line: 'mq worker: exec needs a command [USAGE]',
    hint: 'exec COMMAND ARGUMENTS…',
  },
  {
    title: 'a handler file that is missing',
    args: ['worker', '--handler', './none.ts'],
    exit: 66,
    line: /^mq worker: cannot read \.\/none\.ts: no such file.* \[NO_INPUT\]$/,
  },
  {
    title: 'a handler file that is no program',
    args: ['worker', '--handler', './work.ts'],
    files: { 'work.ts': 'export default (message' },
    exit: 78,
    line: /^mq worker: cannot load \.\/work\.ts: .*\/work\.ts:1\) \[CONFIG\]$/,
  },
  {
    title: 'a handler file without a function',
    args: ['worker', '--handler', './work.ts'],
    files: { 'work.ts': 'export default 1' },
    exit: 78,
    line: 'mq worker: cannot use ./work.ts: it has no function as its default export [CONFIG]',
    hint: 'export default (message, context) => { … }',
  },
  {
    title: '--file of a receiver in a folder that is missing',
    args: ['receive-logs', '--file', 'none/log.txt'],
    exit: 73,
    line: 'mq receive-logs: cannot append to none/log.txt: no such file or directory [CANNOT_CREATE]',
  },
  {
    title: '--file of a receiver that is a folder',
    args: ['receive-logs', '--file', '.'],
    exit: 73,
    line: /^mq receive-logs: cannot append to \.: .* \[CANNOT_CREATE\]$/,
  },
]);

// Help

test('mq --help is on stdout and lists every role', async () => {
  const { status, stdout, stderr } = await mq(['--help']);
  assert.equal({ status, stderr }, { status: 0, stderr: '' });
  assert.match(stdout, /^mq: .*\n\nUsage: mq <command> \[options\]\n/);
  for (const role of ['producer', 'worker', 'receive-logs-topic', 'rpc-client', 'publish', 'check'])
    assert.match(stdout, new RegExp(`^ {2}${role} +\\S`, 'm'));
});

for (const args of [
  ['worker', '--help'],
  ['worker', '-h'],
  ['--help', 'worker'],
  ['worker', '--bogus', '--help'],
]) {
  test(`mq ${args.join(' ')} is the help of worker`, async () => {
    const { status, stdout, stderr } = await mq(args);
    assert.equal({ status, stderr }, { status: 0, stderr: '' });
    assert.match(stdout, /^mq worker: .*\n\nUsage: mq worker \[options\]\n/);
  });
}

test("a user's role is in the help of mq and has its own", async () => {
  const roles = { thumbs: { publish: 'hello', summary: 'make thumbnails', arguments: 'key text', keyName: 'size' } };
  const cwd = emptyFolder(rascal({ mq: { roles } }));
  assert.match((await mq(['--help'], { cwd })).stdout, /Roles of your rascal\.json\n {2}thumbs +make thumbnails\n/);
  const own = await mq(['thumbs', '--help'], { cwd });
  assert.is(own.status, 0);
  assert.match(own.stdout, /^mq thumbs: make thumbnails\n\nUsage: mq thumbs \[options\] \[size \[text…\]\]\n/);
});

test('help does not depend on a right rascal.json', async () => {
  const cwd = emptyFolder(rascal('{'));
  for (const args of [['--help'], ['worker', '--help']]) assert.is((await mq(args, { cwd })).status, 0);
});

test.run();
