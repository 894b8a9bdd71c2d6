// Runs simulations of many seeds, and checks that a seed determines its run. The seeds are fixed, so that a failure comes from
// the change that is tested. `npm run simulate` runs new ones.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text as read } from 'node:stream/consumers';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { node } from '../support/node.ts';
import { countOf } from '../support/random.ts';
import { simulate } from './self-check/edited-copy.ts';

const seed = countOf('MQ_SIMULATION_SEED', 1);
const schedules = countOf('MQ_SIMULATION_SCHEDULES', 1000);

test(`equal seeds have equal runs anywhere (MQ_SIMULATION_SEED=${seed})`, async () => {
  const args = ['--seed', String(seed), '--schedules', '40'];
  const [one, other] = [
    await simulate([...args, '--jobs', '1'], { env: { TZ: 'Asia/Kolkata', LANG: 'tr_TR.UTF-8' }, cwd: tmpdir() }),
    await simulate([...args, '--jobs', '2'], { env: { TZ: 'America/St_Johns', LANG: 'C' } }),
  ];
  assert.match(one.stdout, /40 schedules/);
  assert.match(one.stdout, hash);
  assert.is(hash.exec(one.stdout)?.[0], hash.exec(other.stdout)?.[0]);
});

test(`${schedules} seeds violate no invariant (MQ_SIMULATION_SEED=${seed})`, async () => {
  const args = ['--seed', String(seed), '--schedules', String(schedules), '--minutes', '9'];
  const { status, stdout, stderr } = await simulate(args);
  assert.is(status, 0, `${stdout}${stderr}`);
  assert.match(stdout, new RegExp(`^${schedules} schedules`, 'm'));
  assert.match(stdout, /, 0 with violations/);
});

test('reports what it has run when it is stopped by SIGTERM', async () => {
  const args = ['--seed', '1', '--jobs', '1', '--minutes', '60', '--progress', '0.1'];
  const child = spawn(node, [join(import.meta.dirname, 'run.ts'), ...args], { stdio: 'pipe' });
  child.stderr.on('data', (data) => {
    if (/^[1-9]\d* schedules before seed/m.test(String(data))) child.kill('SIGTERM');
  });
  const [[status], stdout] = await Promise.all([once(child, 'close'), read(child.stdout)]);
  assert.is(status, 143, stdout);
  assert.match(stdout, /^stopped by SIGTERM before the end of \d+\n[1-9]\d* schedules from seed 1, /m);
  assert.match(stdout, hash);
});

const hash = /\d+ events, hash [0-9a-f]{8}/;

test.run();
