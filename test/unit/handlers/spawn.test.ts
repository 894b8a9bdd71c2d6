// Starts the processes of handlers by the function of their host, which a simulation replaces.

import type { ChildProcess } from 'node:child_process';
import { EventEmitter } from 'node:events';
import { PassThrough } from 'node:stream';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { Spawn } from '../../../src/context.ts';
import { makeHandler } from '../../../src/handlers/make.ts';
import { common, handleOne, makeHost, makeMessage, replyText } from '../../fixtures/handlers/host.ts';

delete common.native;

/** A process that exists only in the test: `run` reads its input, and writes its output. */
function childOf(run: (input: PassThrough, output: PassThrough) => void): ChildProcess {
  const stdio = [new PassThrough(), new PassThrough(), new PassThrough(), new PassThrough()] as const;
  const [stdin, stdout, stderr] = stdio;
  run(stdin, stdout);
  const child = Object.assign(new EventEmitter(), { pid: 4_000_000, stdio, stdin, stdout, stderr });
  stdout.on('end', () => child.emit('exit', 0, null));
  stderr.end();
  return child as unknown as ChildProcess;
}

for (const [kind, command, run] of [
  ['exec', { exec: ['/bin/cat'] }, (input, output) => input.pipe(output)],
  [
    'exec-lines',
    { execLines: ['/bin/cat'] },
    (input, output) => {
      const answer = Buffer.from('body').toString('base64');
      input.on('data', (line) => {
        const { id } = JSON.parse(String(line));
        output.write(`${JSON.stringify({ id, outcome: 'ack', reply: answer, encoding: 'base64' })}\n`);
      });
      input.on('end', () => output.end());
    },
  ],
] as const satisfies [string, object, (input: PassThrough, output: PassThrough) => void][]) {
  test(`${kind} starts its process by the function of its host`, async () => {
    const started: string[] = [];
    const spawn: Spawn = (file) => {
      started.push(file);
      return childOf(run);
    };
    const host = makeHost({ spawn, kill: () => undefined });
    const handler = await makeHandler(command, host, { behaviour: 'reply', calls: 1 });
    assert.is(replyText(await handleOne(handler, makeMessage('body'))), 'body');
    assert.equal(started, ['/bin/cat']);
  });
}

test.run();
