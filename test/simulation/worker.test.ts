// Checks how a process of the simulation ends.

import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { node } from '../support/node.ts';

/** Starts a worker whose stderr is that of the parent, and ends while the worker runs its second schedule. */
const parent = `
const [file] = process.argv.slice(1);
const child = require('node:child_process').fork(file, { stdio: ['ignore', 'ignore', 'inherit', 'ipc'] });
const run = (next) => child.send({ schedule: 1, trace: false }, next);
run();
child.once('message', () => run(() => process.exit(0)));
`;

test('ends without an error if its parent ends during a schedule', async () => {
  // stderr ends when the worker has ended, too.
  const { stderr } = await promisify(execFile)(node, ['-e', parent, join(import.meta.dirname, 'worker.ts')]);
  assert.is(stderr, '');
});

test.run();
