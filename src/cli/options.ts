// Every option of mq, as data: program.ts gives them to cac, help.ts prints them, and the sets say which command has which.

import { failurePolicies, logFormats, logLevels } from '../config/config.ts';
import { adminOptions, headers, trustManagement } from './admin-options.ts';
import { broker, check, cluster, demo, health, init, trust, types } from './command-options.ts';
import type { Option } from './option.ts';

const common: readonly Option[] = [
  {
    name: 'url',
    value: 'URLS',
    help: 'connect to amqp://user:password@host:port/vhost; several nodes with commas',
    default: 'MQ_URL, else rascal.json',
  },
  { name: 'url-file', value: 'FILE', help: 'read the address from a file, such as a secret', default: 'MQ_URL_FILE' },
  {
    name: 'ca',
    value: 'FILE',
    help: 'trust this certificate authority (PEM) for amqps',
    default: 'those of the system',
  },
  { name: 'insecure', help: "do not verify the broker's certificate; anybody can then read the password" },
  { name: 'config', value: 'FILE', help: 'read this configuration', default: 'MQ_CONFIG, else ./rascal.json' },
  { name: 'json', help: 'print results as JSON lines' },
];

/** Options of the commands that run until their work is done. */
const running: readonly Option[] = [
  {
    name: 'wait',
    value: 'DURATION',
    bare: '60',
    help: 'wait so long for a broker that is not up yet (60 without a value)',
    default: 'not at all',
  },
  { name: 'rate', value: 'N/s', help: 'limit to N messages a second (/m a minute, /h an hour)', default: 'none' },
  {
    name: 'drain',
    value: 'DURATION',
    help: 'finish the messages in hand within this time after the first signal',
    default: '25',
  },
];

const reconnection: readonly Option[] = [
  { name: 'exit-on-disconnect', help: 'end with 69 when the connection is lost, instead of connecting again' },
  {
    name: 'max-reconnect',
    value: 'LIMIT',
    help: 'end with 69 after so many failed tries (5), or after so long without a connection (30s)',
    default: 'none',
  },
];

const observation: readonly Option[] = [
  {
    name: 'metrics',
    value: 'PORT',
    help: 'serve /metrics, /healthz and /readyz on this port (HOST:PORT; HOST is 127.0.0.1 unless given)',
    default: 'off',
  },
  {
    name: 'log',
    value: 'FORMAT',
    words: logFormats,
    help: 'write stderr as text, or as json: one object a line',
    default: 'text',
  },
  {
    name: 'log-level',
    value: 'LEVEL',
    words: logLevels,
    help: 'write lines of this level and above; debug has a line for each message',
    default: 'info',
  },
];

const always: readonly Option[] = [
  { name: 'debug', help: 'show the stack of an error' },
  { name: 'help', short: 'h', help: 'show this help' },
];

const message: readonly Option[] = [
  { name: 'header', value: 'NAME=VALUE', repeats: true, help: 'set a header; NAME:=JSON: a number, true, a list, …' },
  {
    name: 'property',
    value: 'NAME=VALUE',
    repeats: true,
    help: 'set a property: content-type, priority, expiration, …',
  },
  {
    name: 'routing-key',
    value: 'KEY',
    help: 'use this routing key; every argument then belongs to the text',
    default: 'that of the role or publication',
  },
  {
    name: 'persistent',
    negatable: true,
    help: 'let messages survive a restart of the broker (--no-persistent: not)',
    default: 'as rascal.json has it',
  },
];

const input: readonly Option[] = [
  { name: 'lines', help: 'send one message for each line of standard input' },
  {
    name: 'file',
    value: 'FILE',
    help: 'send the whole file as one message, with --lines each of its lines',
    default: '-, standard input',
  },
];

const publish: readonly Option[] = [
  ...input,
  { name: 'skip', value: 'N', help: 'with --lines: skip N lines (the resume point of a former run)', default: '0' },
  ...message,
  {
    name: 'mandatory',
    negatable: true,
    help: 'fail if no queue receives the message; --no-mandatory accepts that',
    default: 'on',
  },
  { name: 'window', value: 'N', help: 'keep at most N messages without an answer of the broker', default: '256' },
  {
    name: 'timeout',
    value: 'DURATION',
    help: 'report messages as in doubt after so long without an answer',
    default: '60',
  },
];

const request: readonly Option[] = [
  ...input,
  ...message,
  { name: 'timeout', value: 'DURATION', help: 'wait so long for a reply', default: '30' },
  { name: 'window', value: 'N', help: 'keep at most N requests in flight', default: '64' },
  { name: 'reply-queue', help: 'receive replies in a queue of its own instead of by direct reply-to' },
];

const receive: readonly Option[] = [
  {
    name: 'prefetch',
    value: 'N',
    help: 'hold at most N unacknowledged messages',
    default: 'as rascal.json has it, else 10',
  },
  { name: 'concurrency', value: 'N', help: 'handle at most N messages at once', default: 'prefetch' },
  { name: 'count', value: 'N', help: 'stop after N messages', default: 'no limit' },
  { name: 'idle', value: 'DURATION', help: 'stop after so long without a message', default: 'never' },
  { name: 'max-time', value: 'DURATION', help: 'stop after so long, as at SIGTERM', default: 'never' },
  { name: 'until-empty', help: 'stop when the queue is empty' },
  { name: 'quiet', short: 'q', help: 'print no bodies on stdout' },
  { name: 'file', value: 'FILE', help: 'append each body to this file', default: 'none' },
  {
    name: 'handler',
    value: 'FILE',
    help: 'handle messages with the default export of a module (.ts, .js)',
    default: 'that of the role',
  },
  { name: 'max-body', value: 'BYTES', help: 'dead-letter larger bodies unhandled: 65536, 1MiB', default: 'no limit' },
  { name: 'handler-timeout', value: 'DURATION', help: 'give a handler so long for one message', default: '25m' },
  {
    name: 'on-fail',
    value: 'WHAT',
    words: failurePolicies,
    help: `do this with a message that fails: ${failurePolicies.join(', ')}`,
    default: 'as rascal.json has it, else retry',
  },
  { name: 'grace', value: 'DURATION', help: 'wait so long between TERM and KILL for a late command', default: '5' },
  {
    name: 'pass-env',
    value: 'NAMES',
    repeats: true,
    help: 'give the command these variables as well: A,B or a pattern (AWS_*)',
  },
  { name: 'batch', value: 'N', help: 'give --exec-lines or --handler up to N messages in a call', default: 'one' },
  { name: 'batch-wait', value: 'DURATION', help: 'let a batch wait so long until it is full', default: '1s' },
  {
    name: 'recycle-after',
    value: 'LIMIT',
    help: 'replace a process of --exec-lines after N messages, or over 512MiB of memory',
    default: 'never',
  },
  {
    name: 'clean-env',
    help: 'give the command only PATH, HOME and the like, and what --pass-env names',
  },
  { name: 'exec', value: 'CMD ARGS…', rest: true, help: 'run a command for each message; the last option' },
  {
    name: 'exec-lines',
    value: 'CMD ARGS…',
    rest: true,
    help: 'keep a command running: a line of JSON in and out for each message; the last option',
  },
];

const reply: readonly Option[] = [
  ...receive,
  {
    name: 'reply-to',
    value: 'PATTERN',
    repeats: true,
    help: 'reply by direct reply-to, and to queues of such a name only: replies.*; else dead-letter the request',
    default: 'all but the queues of rascal.json that are not for replies',
  },
];

const dlq: readonly Option[] = [
  {
    name: 'queue',
    value: 'QUEUE',
    help: 'use this queue, as the broker names it',
    default: 'the dead letters of the name',
  },
  {
    name: 'id',
    value: 'ID',
    repeats: true,
    help: 'select the message with this id; its beginning is enough if no other id begins so',
    default: 'all',
  },
  {
    name: 'filter',
    value: 'TEXT',
    repeats: true,
    help: 'select messages with this text in body or reason; or NAME=VALUE: a header, key, exchange, reason',
    default: 'all',
  },
  { name: 'count', value: 'N', help: 'select at most N messages', default: 'no limit' },
  { name: 'to', value: 'QUEUE', help: 'move: send to this queue', default: 'none, move requires it' },
  { name: 'to-exchange', help: 'replay: publish to the original exchange and key, not to the queue where it died' },
  headers,
  { name: 'dry-run', help: 'only show what would be replayed, moved or deleted' },
  { name: 'yes', help: 'purge and replay without a question' },
  {
    name: 'timeout',
    value: 'DURATION',
    help: 'wait so long for an answer; without one, messages are in doubt and stay',
    default: '60',
  },
];

const web: readonly Option[] = [
  { name: 'port', value: 'N', help: 'serve the page on this port; 0 takes a free one', default: '15680' },
  {
    name: 'host',
    value: 'ADDRESS',
    help: 'listen on this address; any but loopback requires a password',
    default: '127.0.0.1',
  },
  {
    name: 'allow-host',
    value: 'NAME',
    repeats: true,
    help: 'accept this host name in the address of the page',
    default: 'localhost and IP addresses only',
  },
  {
    name: 'password-file',
    value: 'FILE',
    help: 'read the password of the page from a file',
    default: 'MQ_WEB_PASSWORD, MQ_WEB_PASSWORD_FILE',
  },
  { name: 'vhost', value: 'NAME', help: 'show this vhost of rascal.json', default: '/, else the first one' },
  {
    name: 'stomp',
    value: 'URLS',
    help: "receive over RabbitMQ's Web STOMP at ws://host:15674/ws, or over AMQP (bridge)",
    default: 'auto: Web STOMP if it answers',
  },
  {
    name: 'management-url',
    value: 'URL',
    help: 'read the depths of queues from this management API',
    default: 'MQ_MANAGEMENT_URL, else port 15672 beside AMQP port 5672',
  },
  trustManagement,
];

const testing: readonly Option[] = [
  {
    name: 'on',
    value: 'TARGET',
    words: ['embedded', 'cluster'],
    help: 'run the tests on embedded, cluster (RabbitMQ in containers), or amqp://…',
    default: 'embedded',
  },
  { name: 'nodes', value: 'N', help: '--on cluster: start N nodes', default: '3' },
  {
    name: 'image',
    value: 'IMAGE',
    help: '--on cluster: run this image',
    default: 'MQ_IMAGE, else rabbitmq:4.3-management',
  },
  {
    name: 'management-url',
    value: 'URL',
    help: '--on amqp://…: use this management API',
    default: 'MQ_MANAGEMENT_URL, else port 15672 beside AMQP port 5672',
  },
  trustManagement,
  { name: 'config', value: 'FILE', help: 'read this configuration', default: 'MQ_CONFIG, else ./rascal.json' },
  {
    name: 'filter',
    short: 't',
    value: 'TEXT',
    help: 'run only the tests whose name contains the text',
    default: 'all',
  },
  { name: 'verbose', help: 'name the tests that passed, each with its time' },
  { name: 'bail', help: 'stop after the first test that fails' },
  { name: 'timeout', value: 'DURATION', help: 'give one test so long', default: '30, on a cluster 120' },
  { name: 'seed', value: 'N', help: 'order the files as a run did that printed this seed', default: 'a random one' },
  { name: 'shard', value: 'I/N', help: 'run only the I-th of N parts of the files', default: 'all' },
  { name: 'jobs', value: 'N', help: 'run at most N files at the same time', default: 'half the CPUs, at least 2' },
  { name: 'watch', help: 'run again whenever a file of the folder changes' },
  { name: 'self', help: 'run the suites in mq, which check whether the broker is fit for it' },
  {
    name: 'report',
    value: 'NAME[=FILE]',
    words: ['text', 'tap', 'junit', 'json', 'github'],
    repeats: true,
    help: 'report as text, tap, junit, json or github; to a file if one is named',
    default: 'text',
  },
  { name: 'report-file', value: 'FILE', help: 'write the last --report to this file', default: 'stdout' },
];

const wait: readonly Option[] = [
  { name: 'timeout', value: 'DURATION', help: 'wait so long', default: '60' },
  ...common,
];

/** The options of each kind of command. */
export const optionSets = {
  publish: [...publish, ...common, ...running, ...reconnection, ...observation, ...always],
  request: [...request, ...common, ...running, ...reconnection, ...observation, ...always],
  consume: [...receive, ...common, ...running, ...reconnection, ...observation, ...always],
  reply: [...reply, ...common, ...running, ...reconnection, ...observation, ...always],
  broker: [...broker, ...always],
  check: [...check, ...always],
  declare: [...common, ...always],
  health: [...health, ...always],
  dlq: [...dlq, ...common, ...always],
  admin: [...adminOptions, ...always],
  web: [...web, ...common, ...always],
  demo: [...demo, ...always],
  test: [...testing, ...always],
  cluster: [...cluster, ...always],
  wait: [...wait, ...always],
  types: [...types, ...always],
  version: [{ name: 'json', help: 'print it as a JSON object' }, ...always],
  completions: always,
  init: [...init, ...always],
  trust: [...trust, ...always],
  none: always,
} as const satisfies Record<string, readonly Option[]>;

export type OptionSet = keyof typeof optionSets;
