// Runs simulations of new seeds for some minutes, and checks that a seed determines its run.

import { tmpdir } from 'node:os';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { countOf, seedOf } from '../support/random.ts';
import { simulate } from './self-check/edited-copy.ts';

const seed = seedOf('MQ_SIMULATION_SEED');
const minutes = countOf('MQ_SIMULATION_MINUTES', 2);

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

test(`new seeds violate no invariant (MQ_SIMULATION_SEED=${seed})`, async () => {
  const { status, stdout, stderr } = await simulate(['--seed', String(seed), '--minutes', String(minutes)]);
  assert.is(status, 0, `${stdout}${stderr}`);
  assert.match(stdout, /, 0 with violations/);
});

const hash = /\d+ events, hash [0-9a-f]{8}/;

test.run();
