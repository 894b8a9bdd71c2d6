// Lists the tools of mq mcp. A tool is a command line of mq with a fixed command and fixed options. The arguments of the
// client are values of further options, and never options themselves.

import { z } from 'zod';

/** A command line of mq. */
export interface CommandLine {
  readonly args: readonly string[];
  /** Paths that follow the arguments. They must be inside the working folder. */
  readonly paths?: readonly string[];
  /** Option whose value is a path inside the working folder. */
  readonly pathOption?: readonly [option: string, path: string];
}

/** Facts of a tool that do not depend on the type of its arguments. */
export interface Tool<Input extends z.ZodObject = z.ZodObject> {
  readonly name: string;
  readonly title: string;
  readonly description: string;
  /** `additive` only adds objects or messages; `destructive` also deletes or replaces. Absent if it changes nothing. */
  readonly changes?: 'additive' | 'destructive';
  /** `true` if the tool runs code of the working folder. It then gets no login and no address of a broker. */
  readonly runsCode?: true;
  /** `text` if stdout is text for people. Default: JSON lines. */
  readonly output?: 'text';
  /** `true` if the output contains neither messages nor addresses of a broker, so that nothing is redacted. */
  readonly isOwnText?: true;
  /** `true` if the output contains messages, whose bodies are cut. */
  readonly hasMessages?: true;
  readonly input: Input;
  readonly line: (args: z.output<Input>) => CommandLine;
}

interface ToolSettings {
  /** `true` also lists the tools that change a broker. */
  readonly allowsChanges: boolean;
  /** `true` if fields of messages are redacted. Filters could then find out the values. */
  readonly isRedacted: boolean;
  /** Options that name the management API of the broker, for commands that use it. */
  readonly management: readonly string[];
}

/** Receives each tool with the type of its arguments. */
type AddTool = <Input extends z.ZodObject>(tool: Tool<Input>) => void;

/** Calls `add` for each tool that the client may use. */
export function addTools(add: AddTool, settings: ToolSettings): void {
  addFileTools(add, settings);
  addPlan(add, settings);
  addGraph(add, settings);
  addRoute(add, settings);
  addQueues(add, settings);
  addPeek(add, settings);
  addDeadLetters(add, settings);
  addTests(add);
  if (settings.allowsChanges) addChanges(add, settings);
}

function addFileTools(add: AddTool, { management }: ToolSettings): void {
  add({
    name: 'check',
    title: 'Check rascal.json, or a broker',
    description:
      'Reports every problem of a rascal.json with its line, or with "live" what RabbitMQ refuses or deprecates on the broker. Status 0: no error.',
    input: z.strictObject({
      file: path('file to check; it may contain exported definitions if "target" is given (default rascal.json)'),
      target: z.enum(['4.0', '4.3']).optional().describe('also report what this version of RabbitMQ refuses'),
      live: flag('check the broker instead of a file'),
    }),
    line: ({ file, target, live }) => ({
      args: ['check', '--json', ...option('target', target), ...(live ? ['--live', ...management] : [])],
      ...(file !== undefined && { paths: [file] }),
    }),
  });
  add({
    name: 'help',
    title: 'Read the documentation of mq',
    description:
      'Prints a page of the documentation ("retries-and-dead-letters"), the help of a command ("dlq replay"), or without a topic the list of topics.',
    output: 'text',
    isOwnText: true,
    input: z.strictObject({
      topic: z
        .string()
        .max(100)
        .regex(/^[a-z0-9][a-z0-9-]*( [a-z0-9][a-z0-9-]*){0,2}$/)
        .optional()
        .describe('topic of the documentation, or a command with its verb'),
    }),
    line: ({ topic }) => ({ args: ['help', '--', ...(topic?.split(' ') ?? [])] }),
  });
}

function addPlan(add: AddTool, { management }: ToolSettings): void {
  add({
    name: 'plan',
    title: 'Compare rascal.json with the broker',
    description:
      'Shows each difference between rascal.json and the broker, and changes nothing. Status 0: no difference; 1: there are differences.',
    input: z.strictObject({ against: path('compare with exported definitions in this file instead of the broker') }),
    line: ({ against }) => ({
      args: ['plan', '--json', ...management],
      ...(against !== undefined && { pathOption: ['against', against] as const }),
    }),
  });
}

function addGraph(add: AddTool, { management }: ToolSettings): void {
  add({
    name: 'graph',
    title: 'Draw the topology',
    description: 'Draws exchanges, bindings, queues, publications and subscriptions of rascal.json, or of the broker.',
    output: 'text',
    input: z.strictObject({
      format: z.enum(['text', 'mermaid', 'json']).default('text'),
      live: flag('draw what the broker has, with depths and consumers'),
      vhost: text('draw this vhost').optional(),
      focus: text('draw only the objects with this name and their neighbours').optional(),
      depth: z.int().min(1).max(20).optional().describe('with "focus": largest distance in edges (default 1)'),
    }),
    line: ({ format, live, vhost, focus, depth }) => ({
      args: [
        ...['graph', `--format=${format}`, ...(live ? ['--live', ...management] : [])],
        ...[...option('vhost', vhost), ...option('focus', focus), ...option('depth', depth)],
      ],
    }),
  });
}

function addRoute(add: AddTool, { management }: ToolSettings): void {
  add({
    name: 'route',
    title: 'Trace the route of a message',
    description: 'Shows which queues a message would reach. No message is sent.',
    input: z.strictObject({
      to: text('publication of rascal.json, or exchange; "" is the default exchange'),
      key: text('routing key; an exchange requires it').optional(),
      headers: z
        .record(z.string().max(255).regex(headerName), z.union([text('text'), z.number(), z.boolean()]))
        .optional()
        .describe('headers of the message'),
      live: flag('use the topology of the broker instead of rascal.json'),
      vhost: text('vhost of the exchange').optional(),
    }),
    line: ({ to, key, headers = {}, live, vhost }) => ({
      args: [
        ...['route', '--json', ...(live ? ['--live', ...management] : []), ...option('vhost', vhost)],
        ...Object.entries(headers).map(([name, value]) =>
          typeof value === 'string' ? `--header=${name}=${value}` : `--header=${name}:=${value}`,
        ),
        ...['--', to, ...(key === undefined ? [] : [key])],
      ],
    }),
  });
}

function addQueues(add: AddTool, { management }: ToolSettings): void {
  add({
    name: 'queues',
    title: 'List the queues of the broker',
    description: 'Lists queues with type, ready and unacknowledged messages, consumers and state.',
    input: z.strictObject({
      vhost: text('list the queues of this vhost (default the vhost of the address, else all)').optional(),
      filter: text('list only queues with this text in the name').optional(),
      limit: z.int().min(1).max(500).default(100).describe('list at most this number of queues'),
    }),
    line: ({ vhost, filter, limit }) => ({
      args: [
        ...['admin', 'list', 'queues', '--json', `--columns=${queueColumns}`, `--limit=${limit}`, ...management],
        ...[...option('vhost', vhost), ...option('filter', filter)],
      ],
    }),
  });
}

const queueColumns = [
  ...['vhost', 'name', 'type', 'state', 'consumers'],
  ...['messages', 'messages_ready', 'messages_unacknowledged', 'policy', 'arguments'],
].join();

function addPeek(add: AddTool, { management, isRedacted }: ToolSettings): void {
  add({
    name: 'peek',
    title: 'Look at messages of a queue',
    description:
      'Shows the first messages of a queue or stream and leaves them there. Refused (status 78) where RabbitMQ 4.0 to 4.2 could drop a message because of the look.',
    hasMessages: true,
    input: z.strictObject({
      queue: text('name of the queue'),
      count: z.int().min(1).max(100).default(10).describe('show at most this number of messages'),
      offset: text('position in a stream: first, last, next, a number, 10m or a time').optional(),
      ...filters(isRedacted),
    }),
    line: ({ queue, count, offset, filter }) => ({
      args: [
        ...['peek', '--json', `--count=${count}`, ...option('offset', offset), ...management],
        ...[...filterOptions(filter), '--', queue],
      ],
    }),
  });
}

function addDeadLetters(add: AddTool, { isRedacted }: ToolSettings): void {
  add({
    name: 'dlq',
    title: 'Look at dead letters',
    description:
      'Lists the dead letters of a subscription, role or queue with id, reason and attempts. With "id", shows one of them with headers and body. Give "name" or "queue".',
    hasMessages: true,
    input: z.strictObject({
      ...deadQueue,
      id: text('show the message with this id; a unique beginning is enough').optional(),
      count: z.int().min(1).max(500).default(50).describe('list at most this number of messages'),
      group: z
        .enum(['reason', 'queue', 'key', 'exchange'])
        .optional()
        .describe('count messages instead of listing them'),
      ...filters(isRedacted),
    }),
    line: ({ name, queue, id, count, group, filter }) =>
      id === undefined
        ? {
            args: [
              ...['dlq', 'list', '--json', `--count=${count}`, ...option('group', group), ...filterOptions(filter)],
              ...letters({ name, queue }),
            ],
          }
        : { args: ['dlq', 'show', '--json', ...letters({ name, queue }), id] },
  });
}

function addTests(add: AddTool): void {
  add({
    name: 'test',
    title: 'Run tests on the embedded broker',
    description:
      'Runs test files of the working folder on an embedded broker of their own. It runs the code in these files, without the address and login of the broker. Status 1: a test failed.',
    runsCode: true,
    input: z.strictObject({
      files: z.array(filePath).max(50).optional().describe('files or folders (default all test files)'),
      filter: text('run only the tests whose name contains this text').optional(),
      bail: flag('stop after the first test that fails'),
    }),
    line: ({ files, filter, bail }) => ({
      args: ['test', '--on=embedded', '--report=json', ...option('filter', filter), ...(bail ? ['--bail'] : [])],
      ...(files !== undefined && { paths: files }),
    }),
  });
}

function addChanges(add: AddTool, { management }: ToolSettings): void {
  addDeadLetterChanges(add);
  add({
    name: 'apply',
    title: 'Create what is missing on the broker',
    description:
      'Creates the exchanges, queues and bindings of rascal.json that the broker lacks, and sets its policies. Deletes and replaces no queue. Use "plan" first.',
    changes: 'destructive',
    input: z.strictObject({}),
    line: () => ({ args: ['apply', '--yes', '--json', ...management] }),
  });
  addBenchmark(add);
}

function addDeadLetterChanges(add: AddTool): void {
  add({
    name: 'dlq_change',
    title: 'Replay or delete dead letters',
    description:
      'Sends the named dead letters to the queue where they died ("replay"), or deletes them ("purge"). Use "dlq" for their ids first. Give "name" or "queue", which must be a dead-letter queue.',
    changes: 'destructive',
    hasMessages: true,
    input: z.strictObject({
      action: z.enum(['replay', 'purge']),
      ...deadQueue,
      ids: z
        .array(text('whole id of a message').min(1))
        .min(1)
        .max(100)
        .describe('the messages to replay or to delete'),
      dryRun: flag('only show which messages would be replayed or deleted'),
    }),
    line: ({ action, name, queue, ids, dryRun }) => ({
      args: [
        // For a replay, --yes would trust headers of the messages.
        ...[
          'dlq',
          action,
          '--json',
          '--strict',
          ...(action === 'purge' ? ['--yes'] : []),
          ...(dryRun ? ['--dry-run'] : []),
        ],
        ...[...repeated('id', ids), ...letters({ name, queue })],
      ],
    }),
  });
}

function addBenchmark(add: AddTool): void {
  add({
    name: 'bench',
    title: 'Measure the broker',
    description:
      'Sends messages through queues of its own, which it deletes at the end, and measures rates, latencies, losses and duplicates. It loads the broker. Status 1: a threshold does not hold.',
    changes: 'additive',
    input: z.strictObject({
      verb: z.enum(['publish', 'consume', 'pipe', 'rpc']).default('pipe'),
      rate: z
        .int()
        .min(1)
        .max(100_000)
        .optional()
        .describe('messages a second (default as many as the broker accepts)'),
      seconds: z.int().min(1).max(30).default(5).describe('measure for this time'),
      size: z.int().min(32).max(1_000_000).optional().describe('bytes of a body (default 100)'),
      thresholds: texts('conditions such as "p99<50ms", "rate>2000" or "lost==0"'),
    }),
    line: ({ verb, rate, seconds, size, thresholds }) => ({
      args: [
        ...['bench', verb, '--json', `--duration=${seconds}s`, ...option('rate', rate), ...option('size', size)],
        ...repeated('threshold', thresholds),
      ],
    }),
  });
}

/** The name of a header cannot contain the separator of `--header`. */
const headerName = /^[^=:]+$/;

/** An argument of a process cannot contain a zero byte. */
function text(about: string) {
  return z
    .string()
    .max(1000)
    .refine((value) => !value.includes('\0'), 'a zero byte')
    .describe(about);
}

function texts(about: string) {
  return z.array(text(about)).max(20).optional().describe(about);
}

/** Returns the field "filter", or none if fields are redacted, because filters would reveal their values. */
function filters(isRedacted: boolean): { filter?: ReturnType<typeof texts> } {
  return isRedacted ? {} : { filter: texts('only messages with this text in the body; NAME=VALUE compares a header') };
}

/** The type of a field that may be absent from the schema is not known. */
function filterOptions(filter: unknown): string[] {
  return Array.isArray(filter) ? repeated('filter', filter.map(String)) : [];
}

function flag(about: string) {
  return z.boolean().optional().describe(about);
}

const filePath = text('path inside the working folder').min(1);

function path(about: string) {
  return filePath.optional().describe(`${about}; inside the working folder`);
}

const deadQueue = {
  name: text('subscription, role or queue whose messages failed').optional(),
  queue: text('name of the dead-letter queue itself').optional(),
};

function letters({ name, queue }: { name: string | undefined; queue: string | undefined }): string[] {
  return [...option('queue', queue), '--', ...(name === undefined ? [] : [name])];
}

function option(name: string, value: string | number | undefined): string[] {
  return value === undefined ? [] : [`--${name}=${value}`];
}

function repeated(name: string, values: readonly string[] = []): string[] {
  return values.map((value) => `--${name}=${value}`);
}
