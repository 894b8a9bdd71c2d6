// Reads the code blocks of README.md and of the pages of .github/docs, and runs their commands as a reader would type them.

import { spawn } from 'node:child_process';
import { copyFileSync, globSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import * as assert from 'uvu/assert';
import { freePorts } from '../../src/cluster/docker/ports.ts';
import { emptyFolder, executable } from './mq.ts';
import { until } from './until.ts';

const root = resolve(import.meta.dirname, '../..');
const fixtures = resolve(root, 'test/fixtures/documents');

/** A block between two fences. */
interface Fence {
  /** `sh`, `json`, …; an illustration has none. */
  readonly language: string;
  /** File and line, such as `README.md:40`. */
  readonly place: string;
  /** Heading above the block, without `#`. */
  readonly heading: string;
  readonly lines: readonly string[];
}

/** A block of commands. `console` blocks have prompts and expected output, `sh` blocks have only commands. */
export interface Block extends Pick<Fence, 'place' | 'heading'> {
  readonly steps: readonly Step[];
}

interface Step {
  readonly command: string;
  /** Expected lines of standard output; `…` matches any text. If `undefined`, the output is not compared. */
  readonly prints: readonly string[] | undefined;
}

/** Returns the blocks of all pages, in order. test/cluster/guide.test.ts runs the guide. */
export function fences(): Fence[] {
  return ['README.md', ...globSync('.github/docs/*.md', { cwd: root }).toSorted()].flatMap(fencesOf);
}

/** Returns all blocks of commands. */
export function commandBlocks(): Block[] {
  return fences().flatMap(({ language, place, heading, lines }) => {
    if (language === 'console') return [{ place, heading, steps: consoleSteps(lines) }];
    const steps = continued(lines).map((command) => ({ command, prints: undefined }));
    return language === 'sh' ? [{ place, heading, steps }] : [];
  });
}

function fencesOf(page: string): Fence[] {
  const lines = readFileSync(join(root, page), 'utf8').split('\n');
  const found: Fence[] = [];
  let heading = '';
  for (let at = 0; at < lines.length; at++) {
    const line = lines[at] ?? '';
    const fence = /^```(.*)$/.exec(line);
    heading = /^#+ (.*)$/.exec(line)?.[1] ?? heading;
    if (fence === null) continue;
    const end = lines.indexOf('```', at + 1);
    if (end === -1) throw new Error(`${page}:${at + 1}: the block has no end`);
    found.push({ language: fence[1] ?? '', place: `${page}:${at + 1}`, heading, lines: lines.slice(at + 1, end) });
    at = end;
  }
  return found;
}

/** Creates a folder with the files that the pages name, and returns its path. */
export function folderOfReader(): string {
  const cwd = emptyFolder();
  for (const name of globSync('*', { cwd: fixtures })) copyFileSync(join(fixtures, name), join(cwd, name));
  writeFileSync(join(cwd, 'orders.test.ts'), exampleTest());
  return cwd;
}

/** Returns `true` for a block that test/cluster/documents.test.ts runs. */
export function needsCluster({ steps }: Block): boolean {
  return steps.some(({ command }) => /mq cluster|mq admin ha/.test(command));
}

/** Joins the lines of a command that continues after `\\`. */
function continued(lines: readonly string[]): string[] {
  const commands: string[] = [];
  for (const line of lines) {
    if (commands.at(-1)?.endsWith('\\')) commands.push(`${commands.pop()}\n${line}`);
    else commands.push(line);
  }
  return commands;
}

function consoleSteps(lines: readonly string[]): Step[] {
  const steps: { command: string; prints: string[] }[] = [];
  for (const line of lines) {
    // `&` shows the reader that the command needs another terminal. Here it runs in its own process anyway.
    if (line.startsWith('$ ')) steps.push({ command: line.slice(2).replace(/ &$/, ''), prints: [] });
    else if (line.startsWith('> ')) (steps.at(-1) as { command: string }).command += `\n${line.slice(2)}`;
    else steps.at(-1)?.prints.push(line);
  }
  return steps;
}

/**
 * Runs the commands one after the other, on free ports, in the folder of a reader. A command that does not end (it is ready, or
 * waits for messages) receives SIGTERM at the end of the block. Throws if a command fails or its output differs from the block.
 */
export async function runBlock({ steps, place }: Block, env: Readonly<Record<string, string>>): Promise<void> {
  const cwd = folderOfReader();
  const started: Command[] = [];
  const ends: PromiseSettledResult<void>[] = [];
  let output = '';
  const expected: string[] = [];
  const ports = await portsOf(steps);
  // If the block starts a broker, the next commands find it on its port.
  // `mq connection` and `mq trust` write to the folder of the reader.
  const own = { MQ_URL: `amqp://127.0.0.1:${ports.get(brokerPort)}`, XDG_CONFIG_HOME: join(cwd, '.config'), ...env };
  try {
    for (const { command, prints } of steps) {
      const running = start(onFreePorts(command, ports), { cwd, env: own, take: (text) => (output += text) });
      started.push(running);
      await running.endedOrReady;
      expected.push(...(prints ?? []));
      if (prints === undefined) continue;
      await until(`${place}: ${command}\nprints\n${expected.join('\n')}`, () => matches(output, expected)).catch(() =>
        assert.fixture(output, `${expected.join('\n')}\n`, `${place}: ${command}`),
      );
    }
  } finally {
    // All commands are stopped, also after a failure.
    for (const running of started.reverse()) ends.push(...(await Promise.allSettled([running.stop()])));
  }
  const failed = ends.find((end) => end.status === 'rejected');
  if (failed !== undefined) throw failed.reason;
}

const brokerPort = '5672';
/** Ports that commands use if none is named. */
const defaultPorts = [
  [/\bmq broker\b(?!.* --port)/, '$& --port ', brokerPort],
  [/\bmq web\b(?!.* --port)/, '$& --port ', '15680'],
  [/\bmq health\b(?! +[^ #])/, '$& ', '9464'],
] as const;
const givenPort = /(?<=--(?:port|management-port|metrics) |@localhost:)\d+/g;

/** Returns a free port for each port of the commands, because another broker or role may use those of the pages. */
async function portsOf(steps: readonly Step[]): Promise<ReadonlyMap<string, number>> {
  const given = steps.flatMap(({ command }) => command.match(givenPort) ?? []).filter((port) => port !== '0');
  const names = [...new Set([...given, ...defaultPorts.map(([, , port]) => port)])];
  const free = await freePorts(names.length, '127.0.0.1');
  return new Map(names.map((name, index) => [name, free[index] ?? 0]));
}

function onFreePorts(command: string, ports: ReadonlyMap<string, number>): string {
  const given = command.replaceAll(givenPort, (port) => String(ports.get(port) ?? port));
  return defaultPorts.reduce((text, [words, before, port]) => text.replace(words, before + ports.get(port)), given);
}

/** Returns the test file that README.md shows. */
function exampleTest(): string {
  const text = readFileSync(join(root, 'README.md'), 'utf8');
  const found = /^```ts\n(import [^\n]*'mq\/test';\n.*?)^```$/ms.exec(text)?.[1];
  if (found === undefined) throw new Error('README.md shows no test');
  return found;
}

function matches(output: string, expected: readonly string[]): boolean {
  const pattern = expected.map((text) => `${RegExp.escape(text).replaceAll('…', '.*')}\n`).join('');
  return new RegExp(`^${pattern}$`, 's').test(output);
}

interface Command {
  /** Resolves when the command ends or waits for messages. Rejects if it fails. */
  readonly endedOrReady: Promise<void>;
  /** Ends the command and waits for its end. Rejects if the command fails. */
  stop(): Promise<void>;
}

interface CommandContext {
  readonly cwd: string;
  readonly env: Readonly<Record<string, string>>;
  readonly take: (text: string) => void;
}

const shellState = '.exported';
const readyText = /waiting for messages from|\bready\b/;
const goodEnds: readonly unknown[] = [0, 128 + 15, 'SIGTERM'];

function start(command: string, { cwd, env, take }: CommandContext): Command {
  const path = `${dirname(executable)}:${process.env['PATH']}`;
  // The variables of `export` and `eval` are set for the next commands, as in one shell.
  const sets = /^(export|eval) /.test(command) ? `\nexport -p > ${shellState}` : '';
  const script = `[ ! -f ${shellState} ] || . ./${shellState}\n${command}${sets}`;
  const child = spawn('bash', ['-euo', 'pipefail', '-c', script], {
    cwd,
    env: { HOME: cwd, ...env, PATH: path },
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  });
  let output = '';
  const ended = new Promise<void>((resolve, reject) => {
    child.on('error', reject).on('close', (status, signal) => {
      if (goodEnds.includes(signal ?? status)) resolve();
      else reject(new Error(`${command}: ${signal ?? status}\n${output}`));
    });
  });
  ended.catch(() => undefined);
  const isReady = new Promise<void>((resolve) => {
    const read = (chunk: Buffer) => {
      output += String(chunk);
      if (readyText.test(output)) resolve();
    };
    child.stderr.on('data', read);
    child.stdout.on('data', (chunk: Buffer) => {
      take(String(chunk));
      read(chunk);
    });
  });
  return {
    endedOrReady: Promise.race([ended, isReady]),
    stop: () => {
      try {
        // The whole process group: bash and the commands that it started.
        process.kill(-(child.pid ?? 0), 'SIGTERM');
      } catch {
        // The command has ended.
      }
      return ended;
    },
  };
}
