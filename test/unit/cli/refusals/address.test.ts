// Tests addresses that mq refuses, and brokers that it cannot reach.

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { runCli } from '../../../support/cli.ts';
import { addressWithCanary, canary } from '../../../support/refusal.ts';
import { connection, type Row, refuses } from './rows.ts';

const addressHint = 'write an address as amqp://user:password@host:port/vhost';
const badAddresses = [
  ['with another scheme', addressWithCanary('h', { scheme: 'http' }), 'the scheme is http, not amqp or amqps'],
  ['without a scheme', `mq:${encodeURIComponent(canary)}@h`, 'not a URL: it does not begin with amqp:// or amqps://'],
  ['with a port over 65535', addressWithCanary('h:99999'), 'the port is not a number from 1 to 65535'],
  ['with a port in letters', addressWithCanary('h:amqp'), 'the port is not a number from 1 to 65535'],
  ['without a host', addressWithCanary(''), 'the host is missing'],
  [
    'with a password that is not percent-encoded',
    `amqp://mq:${canary}@h`,
    'a special character in the user or password is not percent-encoded',
  ],
  [
    'with an invalid percent-encoding',
    addressWithCanary('h/%zz'),
    'a % is not followed by two hexadecimal digits of UTF-8; write a literal % as %25',
  ],
  [
    'with an unknown option',
    addressWithCanary('h?hartbeat=1'),
    'unknown option in the query: "hartbeat" (did you mean "heartbeat"?)',
  ],
  ['that is empty', '', 'the address is empty'],
  [
    'with an invalid second address',
    `${addressWithCanary('h')},${addressWithCanary('h:0')}`,
    'address 2: the port is not a number from 1 to 65535',
  ],
] as const;

refuses([
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
      title: `an address as an argument of mq ${command}`,
      args: [command, addressWithCanary('127.0.0.1')],
      exit: command === 'check' ? 66 : 64,
      line: new RegExp(`^mq ${command}: .*amqp:/.*\\*{3}@127\\.0\\.0\\.1`),
      ...(command === 'publish' && { hint: 'the publications are hello, task, logs, direct_logs, topic_logs, rpc' }),
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
    title: 'an address after a misspelled --url',
    args: ['--ur1', addressWithCanary('127.0.0.1'), 'producer'],
    exit: 64,
    line: 'mq: there is no option --ur1 [USAGE]',
    hint: 'mq --help lists the commands; mq <command> --help lists the options of a command',
  },
  {
    title: 'a port on which no server listens',
    args: ['producer', '--url', addressWithCanary('127.0.0.1:1'), 'hi'],
    exit: 69,
    line: 'mq producer: no broker answers at 127.0.0.1:1 (ECONNREFUSED) [UNAVAILABLE]',
    hint: 'start a broker there (mq broker), or set its address with --url or MQ_URL',
    everyStyle: true,
  },
  {
    title: 'an address of rascal.json on which no server listens',
    args: ['consumer', '--config', 'rascal.json'],
    files: connection(addressWithCanary('127.0.0.1:1/some')),
    exit: 69,
    line: 'mq consumer: no broker answers at 127.0.0.1:1 (ECONNREFUSED) [UNAVAILABLE]',
    hint: 'start a broker there (mq broker), or set its address with --url or MQ_URL',
    everyStyle: true,
  },
  {
    title: 'a host that DNS does not know',
    args: ['rpc-client', '--url', addressWithCanary('no-such-host.invalid'), '3'],
    exit: 68,
    line: /^mq rpc-client: unknown host no-such-host\.invalid \((ENOTFOUND|EAI_AGAIN)\) \[HOST_UNKNOWN\]$/,
    hint: 'check the name in --url, MQ_URL, the named connection or rascal.json',
    everyStyle: true,
  },
]);

test('the shortest password of an address is hidden', async () => {
  const { stderr } = await runCli(['amqp://:p@h']);
  assert.match(stderr, 'amqp://***@h');
});

test('the lines of a narrow terminal contain no part of a password', async () => {
  const { stderr } = await runCli(['amqp://mq:first second third fourth@h'], { terminal: 40 });
  assert.not.match(stderr, /first|second|third|fourth/);
});

test.run();
