// Every option of mq, as data: program.ts gives them to cac, help.ts prints them, and the sets say which command has which.

export interface Option {
  /** Without dashes; as the user types it. */
  readonly name: string;
  readonly short?: string;
  /** The word for its value in help; absent: a flag. `…` after it: may be given more than once. */
  readonly value?: string;
  readonly repeats?: true;
  /** Takes every argument after it (`--exec CMD ARGS…`). */
  readonly rest?: true;
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
  { name: 'log', value: 'FORMAT', help: 'json: what is said on stderr as one JSON object a line (text)' },
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
  { name: 'handler-timeout', value: 'SECONDS', help: 'the most time for one message' },
  {
    name: 'on-fail',
    value: 'WHAT',
    help: 'what happens to a message that fails: retry (the default), dead-letter, requeue, drop, exit',
  },
  { name: 'grace', value: 'SECONDS', help: 'between TERM and KILL for a command past its time (5)' },
  {
    name: 'pass-env',
    value: 'NAME',
    repeats: true,
    help: 'a variable of the environment that the command of --exec or --exec-lines gets',
  },
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
  { name: 'id', value: 'ID', repeats: true, help: 'only the message of this id' },
  {
    name: 'filter',
    value: 'TEXT',
    repeats: true,
    help: 'only messages with this text in body or reason; or NAME=VALUE: a header, key, exchange, reason',
  },
  { name: 'count', value: 'N', help: 'at most N messages' },
  { name: 'to', value: 'QUEUE', help: 'the queue that move sends to' },
  { name: 'dry-run', help: 'only show what would be replayed, moved or deleted' },
  { name: 'yes', help: 'delete (purge) without being asked' },
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
    help: 'the management API, for depths of queues (MQ_MANAGEMENT_URL, else port 15672 of the host)',
  },
];

const demo: readonly Option[] = [{ name: 'json', help: 'each event as one JSON object a line' }];

const testing: readonly Option[] = [
  {
    name: 'on',
    value: 'TARGET',
    help: 'what the tests run against: embedded (the default), cluster (in containers), or amqp://…',
  },
  { name: 'nodes', value: 'N', help: 'the nodes of the cluster (3)' },
  { name: 'image', value: 'IMAGE', help: 'the image of its containers (MQ_IMAGE, else rabbitmq:4.3-management)' },
  { name: 'management-url', value: 'URL', help: 'the management API of --on amqp://… (port 15672 of its host)' },
  { name: 'config', value: 'FILE', help: 'the configuration (MQ_CONFIG, ./rascal.json, else the built-in one)' },
  { name: 'filter', value: 'TEXT', help: 'only the tests whose name contains it' },
  { name: 'bail', help: 'stop after the first file that fails' },
  { name: 'timeout', value: 'SECONDS', help: 'the most time for one test (30)' },
  { name: 'seed', value: 'N', help: 'the order of files, as it was printed' },
  { name: 'shard', value: 'I/N', help: 'only the I-th of N parts of the files' },
  { name: 'jobs', value: 'N', help: 'the most files at the same time' },
  { name: 'watch', help: 'run again whenever a file of the folder changes' },
  { name: 'self', help: 'run the suites that are in mq: is this broker fit for it?' },
  {
    name: 'report',
    value: 'NAME[=FILE]',
    repeats: true,
    help: 'text (the default), tap, junit, json or github; to a file',
  },
  { name: 'report-file', value: 'FILE', help: 'the file of the last --report' },
];

const types: readonly Option[] = [{ name: 'out', value: 'DIR', help: 'the folder to write to (this one)' }];

/** The options of each kind of command. */
export const optionSets = {
  publish: [...publish, ...common, ...reconnection, ...observation, ...always],
  request: [...request, ...common, ...reconnection, ...observation, ...always],
  consume: [...receive, ...common, ...reconnection, ...observation, ...always],
  reply: [...receive, ...common, ...reconnection, ...observation, ...always],
  broker: [...broker, ...always],
  check: [...check, ...always],
  health: [...health, ...always],
  dlq: [...dlq, ...common.filter(({ name }) => name !== 'drain'), ...always],
  web: [...web, ...common.filter(({ name }) => name !== 'drain'), ...always],
  demo: [...demo, ...always],
  test: [...testing, ...always],
  types: [...types, ...always],
  none: always,
} as const satisfies Record<string, readonly Option[]>;

export type OptionSet = keyof typeof optionSets;
