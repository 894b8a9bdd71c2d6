// mq demo: runs the six scenarios of the tutorials on an embedded broker. Roles run as a user would run them, over
// sockets.

import { promises } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import { StringDecoder } from 'node:string_decoder';
import { styleText } from 'node:util';
import type { Context } from '../../context.ts';
import { MqError } from '../../errors.ts';
import { interrupted } from '../../signal.ts';
import { timeoutSignal } from '../../time.ts';
import { optionSets } from '../arguments/options.ts';
import type { Command } from '../command.ts';
import { type Scenario, scenarios } from './demo/scenarios.ts';

/** Returns the command. `run` executes a command line and returns its exit status. */
export function demoCommand(run: (context: Context) => Promise<number>): Command {
  return {
    name: 'demo',
    summary: 'run the six tutorial scenarios on an embedded broker',
    usage: '',
    options: optionSets.demo,
    group: 'Broker',
    topic: 'tutorial',
    examples: ['mq demo', 'mq demo --json | jq .'],
    async run(context, values) {
      values.expectAtMost(0);
      const { startBroker } = await import('../../broker/server.ts');
      const broker = await startBroker({ host: '127.0.0.1', port: 0 });
      // The folder contains no rascal.json, because the demo uses the built-in one.
      const folder = await promises.mkdtemp(join(tmpdir(), 'mq-demo-'));
      const env = { ...context.env, MQ_URL: broker.url, MQ_CONNECTION: undefined, MQ_CONFIG: undefined };
      const show = eventPrinter(context, values.flag('json') ?? false);
      try {
        for (const scenario of scenarios) {
          if (context.drain.aborted) break;
          await runScenario(scenario, { context: { ...context, cwd: folder, env }, run, show });
        }
      } finally {
        await broker.close();
        await promises.rm(folder, { recursive: true });
      }
      if (context.drain.aborted) throw interrupted(context, 'the demo was interrupted');
    },
  };
}

/** An event of the demo: a role sent something, or received something (a message, or the reply to its request). */
interface Event {
  readonly scenario: number;
  readonly title: string;
  /** Command line of the role. Receivers with equal command lines are numbered. */
  readonly command: string;
  readonly did: 'sent' | 'got';
  readonly text: string;
}

interface Runner {
  readonly context: Context;
  readonly run: (context: Context) => Promise<number>;
  readonly show: (event: Event) => void;
}

/** Time limit for a scenario in milliseconds. On a slow machine a scenario needs two seconds. */
const deadlineMs = 30_000;

async function runScenario({ number, title, receivers, senders, lines }: Scenario, runner: Runner): Promise<void> {
  const stop = new AbortController();
  const drain = AbortSignal.any([runner.context.drain, timeoutSignal(deadlineMs), stop.signal]);
  const show = (command: string, did: Event['did'], text: string) =>
    runner.show({ scenario: number, title, command, did, text });
  let left = lines;
  const startNamed = (words: readonly string[], name: string) =>
    startRole(words, {
      runner,
      drain,
      onLine: (text) => {
        show(name, 'got', text);
        left -= 1;
        if (left === 0) stop.abort();
      },
    });
  const names = receivers.map(typed);
  const running = receivers.map((words, index) => {
    const [name = '', isRepeated] = [
      names[index],
      names.indexOf(names[index] ?? '') !== names.lastIndexOf(names[index] ?? ''),
    ];
    return startNamed(words, isRepeated ? `${name} (${index + 1})` : name);
  });
  try {
    await Promise.all(running.map(({ ready }) => ready));
    for (const words of senders) {
      if (drain.aborted) break;
      show(typed(words), 'sent', words.at(-1) ?? '');
      await startNamed(words, typed(words)).ended;
    }
    if (left > 0 && !drain.aborted)
      await new Promise((resolve) => drain.addEventListener('abort', resolve, { once: true }));
  } finally {
    stop.abort();
    await Promise.all(running.map(({ ended }) => ended));
  }
  if (left > 0 && !runner.context.drain.aborted)
    throw new MqError('BUG', `scenario ${number}, ${title}: ${left} of ${lines} messages did not arrive`);
}

interface Running {
  /** Resolves when a receiver waits for messages. */
  readonly ready: Promise<void>;
  /** Resolves when the role ends. Rejects if it failed. */
  readonly ended: Promise<void>;
}

function startRole(
  command: readonly string[],
  { runner, drain, onLine }: { runner: Runner; drain: AbortSignal; onLine: (text: string) => void },
): Running {
  const { context, run } = runner;
  const ready = Promise.withResolvers<void>();
  let stderr = '';
  const onStderr = (text: string) => {
    stderr += `${text}\n`;
    if (text.startsWith('waiting for messages')) ready.resolve();
  };
  const ended = run({
    ...context,
    args: command,
    stdout: lineSink(onLine),
    stderr: lineSink(onStderr),
    drain,
  }).then((status) => {
    const failure = new MqError('BUG', `${typed(command)} ended with ${status}: ${stderr.trim()}`);
    ready.reject(failure);
    if (status !== 0 && !context.drain.aborted) throw failure;
  });
  for (const promise of [ready.promise, ended]) promise.catch(() => undefined); // the caller awaits them later
  return { ready: ready.promise, ended };
}

/** Returns a stream that passes on complete lines. */
function lineSink(onLine: (text: string) => void): Writable {
  const decoder = new StringDecoder('utf8');
  let rest = '';
  return new Writable({
    write(chunk: Buffer, _, done) {
      const lines = (rest + decoder.write(chunk)).split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) onLine(line);
      done();
    },
  });
}

/** Prints events on stdout: a heading for each scenario and a line for each event, or JSON lines. */
function eventPrinter({ stdout, env }: Context, json: boolean): (event: Event) => void {
  const isColoured = stdout.isTTY === true && !env['NO_COLOR'];
  const paint = (style: 'bold' | 'green' | 'cyan', text: string) =>
    isColoured ? styleText(style, text, { validateStream: false }) : text;
  let shown = 0;
  return (event) => {
    if (json) {
      stdout.write(`${JSON.stringify(event)}\n`);
      return;
    }
    const { scenario, title, command, did, text } = event;
    if (scenario !== shown) stdout.write(`${shown === 0 ? '' : '\n'}${paint('bold', `${scenario}. ${title}`)}\n`);
    shown = scenario;
    if (did === 'sent') stdout.write(`  ${paint('green', '→')} ${command}\n`);
    else stdout.write(`  ${paint('cyan', '←')} ${command.padEnd(columns)}  ${paint('cyan', text)}\n`);
  };
}

const columns = Math.max(...scenarios.flatMap(({ receivers }) => receivers.map((words) => typed(words).length)));

/** Formats a command line as a user would type it. */
function typed(words: readonly string[]): string {
  return ['mq', ...words.map((word) => (/^[\w.,:=/-]+$/.test(word) ? word : `'${word}'`))].join(' ');
}
