// Lists the options of all commands as data. program.ts passes them to cac, help.ts prints them, and the sets define
// which command accepts which options.

import { logFormats, logLevels } from '../../config/role.ts';
import { adminOptions, trustManagement } from './admin-options.ts';
import { anyPublication, anySubscription } from './any-target-options.ts';
import { benchVerbOptions } from './bench-options.ts';
import { clusterVerbOptions } from './cluster-options.ts';
import {
  apply,
  broker,
  check,
  connectionVerbOptions,
  demo,
  graph,
  health,
  init,
  plan,
  route,
  top,
  trust,
  types,
} from './command-options.ts';
import { delayedVerbOptions } from './delayed-options.ts';
import { dlqVerbOptions } from './dlq-options.ts';
import type { Option } from './option.ts';
import { peekOptions } from './peek-options.ts';
import { delimiters, receive, reply } from './receive-options.ts';
import { record, replay } from './recording-options.ts';
import { always, common } from './shared-options.ts';
import { tapOptions } from './tap-options.ts';
import { testing } from './test-options.ts';

/** Options of all roles. */
const running: readonly Option[] = [
  {
    name: 'declare',
    negatable: true,
    help: 'declare what the role needs; with --no-declare it must exist (mq apply)',
    default: 'the setting in rascal.json, else on',
  },
  {
    name: 'wait',
    value: 'DURATION',
    bare: '60',
    help: 'wait at most this long for a broker to start; 60s if no value is given',
    default: 'no wait',
  },
  {
    name: 'rate',
    value: 'N/s',
    help: 'handle or send at most N messages a second (N/m: a minute, N/h: an hour)',
    default: 'no limit',
  },
  {
    name: 'drain',
    value: 'DURATION',
    help: 'after the first signal, wait at most this long for unfinished messages',
    default: '25s',
  },
];

const reconnection: readonly Option[] = [
  { name: 'exit-on-disconnect', help: 'end with status 69 when the connection is lost, instead of reconnecting' },
  {
    name: 'max-reconnect',
    value: 'LIMIT',
    help: 'end with status 69 after a number of failed attempts (5) or a time without a connection (30s)',
    default: 'no limit',
  },
];

const observation: readonly Option[] = [
  {
    name: 'metrics',
    value: 'PORT',
    help: 'serve /metrics, /healthz and /readyz on this port of 127.0.0.1, or on HOST:PORT',
    default: 'off',
  },
  {
    name: 'log',
    value: 'FORMAT',
    words: logFormats,
    help: 'write stderr as text or as json (JSON lines)',
    default: 'text',
  },
  {
    name: 'log-level',
    value: 'LEVEL',
    words: logLevels,
    help: 'write log lines of this level and above; debug adds a line for each message',
    default: 'info',
  },
];

const message: readonly Option[] = [
  {
    name: 'header',
    value: 'NAME=VALUE',
    repeats: true,
    help: 'set a header to a text; NAME:=JSON sets a number, true, a list, …',
  },
  {
    name: 'property',
    value: 'NAME=VALUE',
    repeats: true,
    help: 'set a property: content-type, priority, expiration, …',
  },
  {
    name: 'content-type',
    value: 'TYPE',
    help: 'set the content type: application/json',
    default: 'the setting in rascal.json',
  },
  {
    name: 'routing-key',
    value: 'KEY',
    help: 'use this routing key; every argument then belongs to the text',
    default: 'the key of the role or publication',
  },
  {
    name: 'persistent',
    negatable: true,
    help: 'make messages survive a restart of the broker',
    default: 'the setting in rascal.json',
  },
];

const input: readonly Option[] = [
  { name: 'lines', help: 'send one message for each line of standard input' },
  {
    name: 'file',
    value: 'FILE',
    help: 'send the file as one message, or with --lines each of its lines; - is standard input',
    default: 'standard input',
  },
  {
    name: 'delimiter',
    value: 'WORD',
    words: delimiters,
    help: 'with --lines: end each message at a line feed (LF) or at a zero byte (NUL)',
    default: 'LF',
  },
];

const publish: readonly Option[] = [
  ...input,
  {
    name: 'skip',
    value: 'N',
    help: 'with --lines: skip the first N lines, for example those that an earlier run has sent',
    default: '0',
  },
  ...message,
  {
    name: 'mandatory',
    negatable: true,
    help: 'fail if no queue receives the message',
    default: 'on',
  },
  {
    name: 'delay',
    value: 'DURATION',
    help: 'let the message arrive after this time: 90s, 5m, 1h or 30d',
    default: 'the delay in rascal.json, else none',
  },
  { name: 'at', value: 'TIME', help: 'let the message arrive at this time: 2026-12-01T08:00Z', default: 'at once' },
  { name: 'window', value: 'N', help: 'keep at most N messages unconfirmed', default: '256' },
  {
    name: 'timeout',
    value: 'DURATION',
    help: 'report a message as in doubt if no confirm arrives within this time',
    default: '60s, no limit while the broker blocks',
  },
];

const request: readonly Option[] = [
  ...input,
  ...message,
  { name: 'timeout', value: 'DURATION', help: 'wait at most this long for a reply', default: '30s' },
  { name: 'window', value: 'N', help: 'keep at most N requests in flight', default: '64' },
  { name: 'reply-queue', help: 'receive replies in an exclusive queue instead of by direct reply-to' },
];

/**
 * Names of the options of receiving roles. Few programs have options with these names, so mq warns if one of
 * them follows --exec.
 */
export const receivingOptions: readonly string[] = [...receive, ...running, ...reconnection].map(({ name }) => name);

const web: readonly Option[] = [
  { name: 'port', value: 'N', help: 'serve the page on this port; 0 is a free port', default: '15680' },
  {
    name: 'host',
    value: 'ADDRESS',
    help: 'listen on this address; any address except loopback requires a password',
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
    help: 'read the password of the page from a file; - is standard input',
    default: 'MQ_WEB_PASSWORD, MQ_WEB_PASSWORD_FILE',
  },
  { name: 'vhost', value: 'NAME', help: 'show this vhost of rascal.json', default: '/, else the first one' },
  {
    name: 'stomp',
    value: 'URLS',
    help: "receive through RabbitMQ's Web STOMP plugin at ws://host:15674/ws, or through AMQP (bridge)",
    default: 'auto: Web STOMP if it answers',
  },
  {
    name: 'management-url',
    value: 'URL',
    help: 'read the depths of queues from this management API',
    default: 'MQ_MANAGEMENT_URL, else rascal.json or the standard port',
  },
  trustManagement,
];

const mcp: readonly Option[] = [
  { name: 'allow-changes', help: 'also offer the tools that change the broker' },
  {
    name: 'redact',
    value: 'FIELD',
    repeats: true,
    help: 'remove the value of this field from bodies (JSON) and headers',
    default: 'no fields',
  },
  { name: 'max-body', value: 'BYTES', help: 'cut the bodies of messages at this size', default: '2KiB' },
  { name: 'timeout', value: 'DURATION', help: 'stop the command of a tool after this time', default: '60s' },
  {
    name: 'management-url',
    value: 'URLS',
    help: 'use this management API: http://user:password@host:15672',
    default: 'MQ_MANAGEMENT_URL, else rascal.json or the standard port',
  },
  trustManagement,
  ...common.filter(({ name }) => name !== 'json'),
];

const wait: readonly Option[] = [
  { name: 'timeout', value: 'DURATION', help: 'wait at most this long', default: '60s' },
  ...common,
];

const roleOptions = [...common, ...running, ...reconnection, ...observation, ...always];

/** Options by kind of command. */
export const optionSets = {
  anyPublication: [...anyPublication, ...publish, ...roleOptions],
  // `--key` has two meanings (input/login.ts), and the first description of an option is the one that counts here.
  anySubscription: [...anySubscription, ...receive, ...roleOptions.filter(({ name }) => name !== 'key')],
  publish: [...publish, ...roleOptions],
  request: [...request, ...roleOptions],
  consume: [...receive, ...roleOptions],
  reply: [...reply, ...roleOptions],
  broker: [...broker, ...always],
  check: [...check, ...always],
  declare: [...common, ...always],
  plan: [...plan, ...common, ...always],
  apply: [...apply, ...common, ...always],
  top: [...top, ...common, ...always],
  route: [...route, ...common, ...always],
  graph: [...graph, ...common, ...always],
  health: [...health, ...always],
  delayed: Object.values<readonly Option[]>(delayedVerbOptions).flat(),
  peek: peekOptions,
  dlq: Object.values<readonly Option[]>(dlqVerbOptions).flat(),
  record,
  replay,
  admin: [...adminOptions, ...always],
  tap: tapOptions,
  web: [...web, ...common, ...always],
  mcp: [...mcp, ...always],
  bench: Object.values<readonly Option[]>(benchVerbOptions).flat(),
  demo: [...demo, ...always],
  test: [...testing, ...always],
  connection: Object.values<readonly Option[]>(connectionVerbOptions).flat(),
  cluster: Object.values<readonly Option[]>(clusterVerbOptions).flat(),
  wait: [...wait, ...always],
  types: [...types, ...always],
  version: [{ name: 'json', help: 'print the version as a JSON object' }, ...always],
  completions: always,
  init: [...init, ...always],
  trust: [...trust, ...always],
  none: always,
} as const satisfies Record<string, readonly Option[]>;

/** Options of all commands and verbs. Options before the command's name are parsed with this list. */
export const allOptions: readonly Option[] = Object.values<readonly Option[]>(optionSets).flat();
