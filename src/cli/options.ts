// Every option of mq, as data: program.ts gives them to cac, help.ts prints them, and the sets say which command has which.

import { failurePolicies } from '../config/config.ts';
import { logLevels } from '../context.ts';

export interface Option {
  /** Without dashes; as the user types it. */
  readonly name: string;
  readonly short?: string;
  /** The word for its value in help; absent: a flag. `…` after it: may be given more than once. */
  readonly value?: string;
  readonly repeats?: true;
  /** Takes every argument after it (`--exec CMD ARGS…`). */
  readonly rest?: true;
  /** The values that it may have, where they are few; for completions. */
  readonly words?: readonly string[];
  /** `--no-NAME` is there too. */
  readonly negatable?: true;
  readonly help: string;
}

const common: readonly Option[] = [
  {
    name: 'url',
    value: 'URLS',
    help: 'the broker: amqp://user:password@host:port/vhost; several nodes with commas (MQ_URL)',
  },
  { name: 'config', value: 'FILE', help: 'the configuration (MQ_CONFIG, ./rascal.json, else the built-in one)' },
  { name: 'json', help: 'results as one JSON object a line' },
  { name: 'drain', value: 'SECONDS', help: 'time to finish after the first SIGTERM or SIGINT (25)' },
];

const reconnection: readonly Option[] = [
  { name: 'exit-on-disconnect', help: 'end with 69 when the connection is lost, instead of connecting again' },
  {
    name: 'max-reconnect',
    value: 'LIMIT',
    help: 'end with 69 after so many tries to connect again (5), or so many seconds without a connection (30s)',
  },
];

const observation: readonly Option[] = [
  {
    name: 'metrics',
    value: 'PORT',
    help: 'serve /metrics, /healthz and /readyz there (HOST:PORT; 127.0.0.1 without a host)',
  },
  {
    name: 'log',
    value: 'FORMAT',
    words: ['json', 'text'],
    help: 'format of the lines on stderr: text or json, one object a line (default text)',
  },
  {
    name: 'log-level',
    value: 'LEVEL',
    words: logLevels,
    help: 'the least important lines shown: debug (each message), info, warn or error (default info)',
  },
];

const always: readonly Option[] = [
  { name: 'debug', help: 'show the stack of an error' },
  { name: 'help', short: 'h', help: 'show this' },
];

const message: readonly Option[] = [
  { name: 'header', value: 'NAME=VALUE', repeats: true, help: 'a header' },
  { name: 'property', value: 'NAME=VALUE', repeats: true, help: 'a property: content-type, priority, expiration, …' },
  { name: 'routing-key', value: 'KEY', help: 'the routing key' },
  { name: 'persistent', negatable: true, help: 'survives a restart of the broker, or does not (--no-persistent)' },
];

const input: readonly Option[] = [
  { name: 'lines', help: 'one message for each line of standard input' },
  {
    name: 'file',
    value: 'FILE',
    help: 'the whole of the file (- is standard input) as one message; with --lines each line of it',
  },
];

const publish: readonly Option[] = [
  ...input,
  { name: 'skip', value: 'N', help: 'with --lines: leave out the first N lines (the resume point of a former run)' },
  ...message,
  {
    name: 'mandatory',
    negatable: true,
    help: 'fail if no queue gets it (the default), or do not care (--no-mandatory)',
  },
  { name: 'window', value: 'N', help: 'the most messages without an answer from the broker (256)' },
  { name: 'timeout', value: 'SECONDS', help: 'without an answer for so long, messages are in doubt (60)' },
];

const request: readonly Option[] = [
  ...input,
  ...message,
  { name: 'timeout', value: 'SECONDS', help: 'how long to wait for a reply (30)' },
  { name: 'window', value: 'N', help: 'the most requests in flight (64)' },
  { name: 'reply-queue', help: 'a queue of its own for the replies instead of direct reply-to' },
];

const receive: readonly Option[] = [
  { name: 'prefetch', value: 'N', help: 'the most unacknowledged messages' },
  { name: 'concurrency', value: 'N', help: 'the most messages handled at once (as prefetch)' },
  { name: 'count', value: 'N', help: 'stop after N messages' },
  { name: 'idle', value: 'SECONDS', help: 'stop when none came for so long' },
  { name: 'until-empty', help: 'stop when the queue is empty' },
  { name: 'file', value: 'FILE', help: 'append each body to the file' },
  { name: 'handler', value: 'FILE', help: 'a module (.ts, .js) whose default export handles a message' },
  { name: 'max-body', value: 'BYTES', help: 'the largest body that is handled; larger ones are dead-lettered' },
  { name: 'handler-timeout', value: 'SECONDS', help: 'the most time for one message (default 25m)' },
  {
    name: 'on-fail',
    value: 'WHAT',
    words: failurePolicies,
    help: 'what happens to a message that fails: retry (the default), dead-letter, requeue, drop, exit',
  },
  { name: 'grace', value: 'SECONDS', help: 'between TERM and KILL for a command past its time (5)' },
  {
    name: 'pass-env',
    value: 'NAMES',
    repeats: true,
    help: 'variables that the command of --exec or --exec-lines gets as well: A,B or a pattern (AWS_*)',
  },
  { name: 'clean-env', help: 'the command gets only PATH, HOME and the like, and what --pass-env names' },
  { name: 'exec', value: 'CMD ARGS…', rest: true, help: 'a command run for each message; it must be the last option' },
  {
    name: 'exec-lines',
    value: 'CMD ARGS…',
    rest: true,
    help: 'a command that stays: a line of JSON in and out for each message; it must be the last option',
  },
];

const check: readonly Option[] = [
  { name: 'config', value: 'FILE', help: 'the file to check (or as the argument)' },
  { name: 'json', help: 'the problems as one JSON object a line' },
  { name: 'schema', help: 'print the JSON Schema of rascal.json' },
  {
    name: 'target',
    value: 'VERSION',
    words: ['4.0', '4.3'],
    help: 'also what RabbitMQ 4.0 or 4.3 refuses or has deprecated in it; takes exported definitions, too',
  },
];

const broker: readonly Option[] = [
  { name: 'port', value: 'N', help: 'the port for AMQP (5672); 0 takes a free one' },
  { name: 'host', value: 'ADDRESS', help: 'the address to listen on (127.0.0.1)' },
  { name: 'data', value: 'DIR', help: 'keep durable queues and persistent messages here; else all is in memory' },
  { name: 'management-port', value: 'N', help: 'also serve the management HTTP API (RabbitMQ has it on 15672)' },
  {
    name: 'user',
    value: 'NAME',
    help: 'the one user (guest); MQ_BROKER_PASSWORD holds its password, which only guest can do without',
  },
  { name: 'password-file', value: 'FILE', help: 'the password is the text of a file' },
  { name: 'tls-cert', value: 'FILE', help: 'speak TLS, with this certificate (PEM)' },
  { name: 'tls-key', value: 'FILE', help: 'and this key (PEM)' },
  { name: 'json', help: 'say that it is ready as a JSON object' },
];

const health: readonly Option[] = [
  { name: 'timeout', value: 'SECONDS', help: 'how long to wait for the answer (5)' },
  { name: 'json', help: 'the answer as a JSON object' },
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

const trustManagement: Option = {
  name: 'trust-management',
  help: 'use the named management API without proof that it belongs to the broker of the AMQP address',
};

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

const demo: readonly Option[] = [{ name: 'json', help: 'each event as one JSON object a line' }];

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
  { name: 'filter', value: 'TEXT', help: 'only the tests whose name contains it' },
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

const cluster: readonly Option[] = [
  {
    name: 'name',
    value: 'NAME',
    help: 'the cluster (MQ_CLUSTER, else the only one there is); for up the name of the new one',
  },
  { name: 'nodes', value: 'N', help: 'up: how many nodes (3)' },
  { name: 'version', value: 'VERSION', help: 'up: the version of RabbitMQ (4.3)' },
  {
    name: 'image',
    value: 'IMAGE',
    help: 'up: the image of the containers (MQ_IMAGE, else the official one of the version)',
  },
  {
    name: 'port',
    value: 'N',
    help: 'up: the port for AMQP of the first node, and so the usual others: 5672, 15672, …; each further node has them 100 higher (free ones)',
  },
  { name: 'apply', help: 'up: declare what rascal.json holds' },
  {
    name: 'config',
    value: 'FILE',
    help: 'up --apply: the configuration (MQ_CONFIG, ./rascal.json, else the built-in one)',
  },
  { name: 'grow', help: 'join: give every quorum queue a member on the new node' },
  { name: 'force', help: 'stop: also where queues or the cluster are left without a majority' },
  { name: 'lines', value: 'N', help: 'logs: only the last N lines of each node' },
  { name: 'follow', help: 'logs: and whatever comes, until a signal' },
  { name: 'of', value: 'WHAT', help: 'url: amqp (the default), management, web-stomp or prometheus' },
  { name: 'env', help: 'url: as lines for eval in a shell, as up prints them' },
  { name: 'all', help: 'down: every cluster that mq cluster up has made' },
  { name: 'timeout', value: 'SECONDS', help: 'how long nodes may take to be ready (120)' },
  { name: 'json', help: 'results as one JSON object a line' },
];

const wait: readonly Option[] = [
  { name: 'timeout', value: 'SECONDS', help: 'how long to wait (60)' },
  ...common.filter(({ name }) => name !== 'drain'),
];

const types: readonly Option[] = [{ name: 'out', value: 'DIR', help: 'the folder to write to (this one)' }];

const admin: readonly Option[] = [
  { name: 'columns', value: 'NAMES', help: 'the columns, with commas, as the API names them; a.b is inside of a' },
  { name: 'sort', value: 'COLUMN', help: 'by this column; -COLUMN: downwards' },
  { name: 'filter', value: 'TEXT', help: 'only those with this text in the name' },
  { name: 'limit', value: 'N', help: 'at most N' },
  { name: 'page', value: 'N', help: 'the N-th page of --limit (100)' },
  { name: 'headers', negatable: true, help: 'a first line with the names of the columns, or none (--no-headers)' },
  { name: 'watch', help: 'again and again, until it is interrupted' },
  { name: 'interval', value: 'SECONDS', help: 'with --watch: the time between (2)' },
  { name: 'vhost', value: 'NAME', help: 'the vhost (that of the address; else / for one thing, all for a list)' },
  { name: 'all-vhosts', help: 'list all vhosts, though the address names one' },
  {
    name: 'type',
    value: 'TYPE',
    help: 'of a queue: quorum, classic, stream; of an exchange: direct, topic, fanout, headers, …',
  },
  { name: 'durable', negatable: true, help: 'survives a restart (the default), or does not (--no-durable)' },
  { name: 'auto-delete', help: 'goes with its last consumer or binding' },
  { name: 'internal', help: 'takes messages from other exchanges only' },
  {
    name: 'argument',
    value: 'NAME=VALUE',
    repeats: true,
    help: 'x-max-length=1000; numbers, true, false and JSON are what they look like',
  },
  { name: 'destination-type', value: 'KIND', help: 'queue (the default) or exchange' },
  { name: 'description', value: 'TEXT', help: 'for people' },
  { name: 'tag', value: 'TAG', repeats: true, help: 'a tag of the vhost' },
  {
    name: 'default-queue-type',
    value: 'TYPE',
    help: 'for queues of the vhost that name none: quorum, classic, stream',
  },
  { name: 'priority', value: 'N', help: 'of several policies for one name, the one with the highest counts (0)' },
  { name: 'apply-to', value: 'KIND', help: 'all, queues, exchanges, classic_queues, quorum_queues, streams' },
  {
    name: 'new-password-file',
    value: 'FILE',
    help: 'the new password is the text of a file (- is standard input); else MQ_NEW_PASSWORD, or it is asked for',
  },
  { name: 'password-hash', value: 'HASH', help: 'a salted SHA-256 hash in base64, as definitions have it' },
  { name: 'no-password', help: 'a user who comes in otherwise: by certificate, LDAP or OAuth 2' },
  { name: 'reason', value: 'TEXT', help: 'what the client and the log are told' },
  { name: 'if-empty', help: 'not if it has messages' },
  { name: 'if-unused', help: 'not if it has consumers or bindings' },
  { name: 'if-exists', help: 'that it is not there is no failure' },
  { name: 'yes', help: 'do it without being asked' },
  {
    name: 'management-url',
    value: 'URLS',
    help: 'the API: http://user:password@host:15672; several with commas (MQ_MANAGEMENT_URL, else from the broker)',
  },
  trustManagement,
  {
    name: 'url',
    value: 'URLS',
    help: 'the broker; with its AMQP port 5672 its API is on port 15672, with 5671 on 15671 (MQ_URL)',
  },
  { name: 'config', value: 'FILE', help: 'the configuration (MQ_CONFIG, ./rascal.json, else the built-in one)' },
  { name: 'user', value: 'NAME', help: 'who asks, instead of the user in the address' },
  {
    name: 'password-file',
    value: 'FILE',
    help: 'the password is the text of a file; MQ_PASSWORD is that of --user, or of an address without one',
  },
  { name: 'ca', value: 'FILE', help: 'trust this authority (PEM)' },
  { name: 'timeout', value: 'SECONDS', help: 'the most time for one answer (30)' },
  { name: 'max-answer', value: 'BYTES', help: 'the largest answer that is read (67108864)' },
  { name: 'json', help: 'results as one JSON object a line' },
];

const init: readonly Option[] = [
  { name: 'config', value: 'FILE', help: 'the file to write (./rascal.json)' },
  { name: 'json', help: 'what was written as a JSON object' },
];

/** The options of each kind of command. */
export const optionSets = {
  publish: [...publish, ...common, ...reconnection, ...observation, ...always],
  request: [...request, ...common, ...reconnection, ...observation, ...always],
  consume: [...receive, ...common, ...reconnection, ...observation, ...always],
  reply: [...receive, ...common, ...reconnection, ...observation, ...always],
  broker: [...broker, ...always],
  check: [...check, ...always],
  declare: [...common.filter(({ name }) => name !== 'drain'), ...always],
  health: [...health, ...always],
  dlq: [...dlq, ...common.filter(({ name }) => name !== 'drain'), ...always],
  admin: [...admin, ...always],
  web: [...web, ...common.filter(({ name }) => name !== 'drain'), ...always],
  demo: [...demo, ...always],
  test: [...testing, ...always],
  cluster: [...cluster, ...always],
  wait: [...wait, ...always],
  types: [...types, ...always],
  completions: always,
  init: [...init, ...always],
  none: always,
} as const satisfies Record<string, readonly Option[]>;

export type OptionSet = keyof typeof optionSets;
