// Tests the processes of a benchmark with shells in their place.

import { spawn } from 'node:child_process';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { Part } from '../../../src/bench/figures.ts';
import { runProcesses } from '../../../src/bench/processes.ts';
import type { Spawn } from '../../../src/context.ts';
import { MqError } from '../../../src/errors.ts';

interface Started {
  readonly scripts: readonly string[];
  readonly abandon?: AbortSignal;
  /** Receives stdout of each shell. */
  readonly onOutput?: (text: string) => void;
}

/** Runs one shell for each script in place of the processes of mq. Returns the notes of the shells, too. */
async function run({ scripts, abandon, onOutput }: Started) {
  const [notes, seconds]: [string[], number[]] = [[], []];
  let index = 0;
  const start: Spawn = (_command, _args, options) => {
    const child = spawn('/bin/sh', ['-c', scripts[index] ?? ''], options);
    index += 1;
    child.stdout?.on('data', (chunk: Buffer) => onOutput?.(chunk.toString()));
    return child;
  };
  const never = new AbortController().signal;
  const running = runProcesses({
    context: {
      ...{ spawn: start, self: { command: 'mq', args: [] }, args: ['bench', 'pipe'], cwd: '/', env: {} },
      ...{ drain: AbortSignal.abort('SIGINT'), abandon: abandon ?? never },
    },
    ...{ processes: scripts.length, stop: never },
    onSecond: ({ at }) => void seconds.push(at),
    onNote: (line) => void notes.push(line),
  });
  const outcome: Part[] | MqError = await running.catch((error) => error);
  return { outcome, notes, seconds };
}

/** Prints a part after standard input has ended. */
const untilEnd = 'cat; echo \'{"type":"part","sent":1}\'';

function failure(outcome: Part[] | MqError): string {
  return outcome instanceof MqError ? `${outcome.code} ${outcome.message}` : JSON.stringify(outcome);
}

test('a process that is killed is an error, and ends the others', async () => {
  const { outcome, seconds } = await run({
    // The shell is killed within a line.
    scripts: ['echo \'{"type":"second","at":1}\'; printf \'{"type":"sec\'; kill -9 $$', untilEnd],
  });
  assert.is(failure(outcome), 'SYSTEM SIGKILL ended a process of the benchmark');
  assert.equal(seconds, [1]);
});

test('the error of the first process is reported when all have ended', async () => {
  let output = '';
  const { outcome } = await run({
    scripts: ['echo \'{"code":"UNAVAILABLE","message":"no broker"}\' >&2; exit 69', `${untilEnd}; echo ended`],
    onOutput: (text) => {
      output += text;
    },
  });
  assert.is(failure(outcome), 'UNAVAILABLE no broker');
  assert.match(output, /ended\n$/);
});

test('the notes of the processes are passed on', async () => {
  const { outcome, notes } = await run({
    scripts: ['echo \'mq bench: connected again\' >&2; echo \'{"type":"part","sent":2}\''],
  });
  assert.equal([failure(outcome), notes], ['[{"type":"part","sent":2}]', ['mq bench: connected again']]);
});

test('a second signal kills the processes', async () => {
  const abandon = new AbortController();
  const { outcome } = await run({
    scripts: ['echo started; exec sleep 600'],
    abandon: abandon.signal,
    onOutput: () => abandon.abort(),
  });
  assert.is(failure(outcome), 'INTERRUPTED stopped by a second signal');
});

test.run();
