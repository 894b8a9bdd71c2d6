// Every option of mq, as data: program.ts gives them to cac, help.ts prints them, and the sets say which command has which.

import { failurePolicies } from '../config/config.ts';
import { logLevels } from '../context.ts';
import { adminOptions, trustManagement } from './admin-options.ts';
import { broker, check, cluster, demo, health, init, types } from './command-options.ts';
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
  { name: 'config', value: 'FILE', help: 'read this configuration', default: 'MQ_CONFIG, else ./rascal.json' },
  { name: 'json', help: 'print results as JSON lines' },
];

/** Of the commands that stay until their work is done. */
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
    words: ['json', 'text'],
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
    help: 'fail if no queue gets the message (--no-mandatory: accept that)',
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
  { name: 'max-body', value: 'BYTES', help: 'dead-letter larger bodies unhandled', default: 'no limit' },
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
    help: 'replace a process of --exec-lines after N messages, or over 512MB of memory',
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

const dlq: readonly Option[] = [
  { name: 'queue', value: 'QUEUE', help: 'this queue, as the broker names it, instead of the dead letters of a name' },
  { name: 'id', value: 'ID', repeats: true, help: 'only the message whose id is this, or alone begins so' },
  {
    name: 'filter',
    value: 'TEXT',
    repeats: true,
    help: 'only messages with this text in body or reason; or NAME=VALUE: a header, key, exchange, reason',
  },
  { name: 'count', value: 'N', help: 'at most N messages' },
  { name: 'to', value: 'QUEUE', help: 'the queue that move sends to' },
  { name: 'to-exchange', help: 'replay to the original exchange and key, not to the queue where it died' },
  { name: 'dry-run', help: 'only show what would be replayed, moved or deleted' },
  { name: 'yes', help: 'delete (purge) or send to an exchange (replay) without being asked' },
  { name: 'timeout', value: 'SECONDS', help: 'without an answer for so long, messages are in doubt, and stay (60)' },
];

const web: readonly Option[] = [
  { name: 'port', value: 'N', help: 'the port of the page (15680); 0 takes a free one' },
  { name: 'host', value: 'ADDRESS', help: 'the address to listen on (127.0.0.1); another one needs MQ_WEB_PASSWORD' },
  {
    name: 'allow-host',
    value: 'NAME',
    repeats: true,
    help: 'a host name that the page may be called by, beside localhost and addresses',
  },
  { name: 'password-file', value: 'FILE', help: 'the password of the page is the text of a file (MQ_WEB_PASSWORD)' },
  { name: 'vhost', value: 'NAME', help: 'the vhost of rascal.json (/, else its first one)' },
  {
    name: 'stomp',
    value: 'URLS',
    help: "RabbitMQ's Web STOMP: ws://host:15674/ws; bridge: over AMQP; auto (the default): what answers",
  },
  {
    name: 'management-url',
    value: 'URL',
    help: 'the management API, for depths of queues (MQ_MANAGEMENT_URL; beside AMQP port 5672 port 15672 of the host)',
  },
  trustManagement,
];

const testing: readonly Option[] = [
  {
    name: 'on',
    value: 'TARGET',
    words: ['embedded', 'cluster'],
    help: 'what the tests run against: embedded (the default), cluster (in containers), or amqp://…',
  },
  { name: 'nodes', value: 'N', help: 'the nodes of the cluster (3)' },
  { name: 'image', value: 'IMAGE', help: 'the image of its containers (MQ_IMAGE, else rabbitmq:4.3-management)' },
  {
    name: 'management-url',
    value: 'URL',
    help: 'the management API of --on amqp://… (MQ_MANAGEMENT_URL; beside AMQP port 5672 port 15672 of its host)',
  },
  trustManagement,
  { name: 'config', value: 'FILE', help: 'the configuration (MQ_CONFIG, ./rascal.json, else the built-in one)' },
  { name: 'filter', short: 't', value: 'TEXT', help: 'only the tests whose name contains it' },
  { name: 'verbose', help: 'name the tests that passed, each with its time' },
  { name: 'bail', help: 'stop after the first test that fails' },
  { name: 'timeout', value: 'SECONDS', help: 'the most time for one test (30)' },
  { name: 'seed', value: 'N', help: 'the order of files, as it was printed' },
  { name: 'shard', value: 'I/N', help: 'only the I-th of N parts of the files' },
  { name: 'jobs', value: 'N', help: 'the most files at the same time' },
  { name: 'watch', help: 'run again whenever a file of the folder changes' },
  { name: 'self', help: 'run the suites that are in mq: is this broker fit for it?' },
  {
    name: 'report',
    value: 'NAME[=FILE]',
    words: ['text', 'tap', 'junit', 'json', 'github'],
    repeats: true,
    help: 'text (the default), tap, junit, json or github; to a file',
  },
  { name: 'report-file', value: 'FILE', help: 'the file of the last --report' },
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
  reply: [...receive, ...common, ...running, ...reconnection, ...observation, ...always],
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
  none: always,
} as const satisfies Record<string, readonly Option[]>;

export type OptionSet = keyof typeof optionSets;
