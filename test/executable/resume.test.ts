// Tests that a sender that reads a file can resume after the broker was killed, and that no line is lost.

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { freePorts } from '../../src/cluster/docker/ports.ts';
import { emptyFolder, mq, type RunningMq, startMq } from '../support/mq.ts';
import { lines } from '../support/roles.ts';

const total = 20_000;

async function startBroker(cwd: string, port: number): Promise<{ broker: RunningMq; url: string }> {
  const broker = startMq(['broker', '--port', String(port), '--data', 'data'], { cwd, deadlineMs: 120_000 });
  const [, url = ''] = /^ready: (\S+) /.exec(await broker.prints(/\n/)) ?? [];
  return { broker, url };
}

test('a sender resumes a file with --skip after kill -9 of the broker', async () => {
  const cwd = emptyFolder();
  writeFileSync(join(cwd, 'input'), Array.from({ length: total }, (_, at) => `line ${at + 1}\n`).join(''));
  const [port = 0] = await freePorts(1, '127.0.0.1');
  const first = await startBroker(cwd, port);
  const env = { MQ_URL: first.url };
  const publish = ['task', '--lines', '--file', 'input'];

  // The rate is limited, because otherwise all lines could be published before this process reads the first outcome.
  const run = startMq([...publish, '--json', '--rate', '5000/s', '--exit-on-disconnect'], { cwd, env });
  await run.prints(/"number":3000,/);
  first.broker.kill('SIGKILL');
  const broken = await run.ended;
  await first.broker.ended;
  assert.is(broken.status, 69, broken.stderr);
  const summary = lines(broken.stderr).find((line) => line.includes('"event":"summary"')) ?? '{}';
  const { attempted, confirmed, refused, inDoubt, resume } = JSON.parse(summary) as Record<string, number>;
  const outcomes = lines(broken.stdout).map((line) => JSON.parse(line) as { number: number; outcome: string });
  assert.is(confirmed, outcomes.filter(({ outcome }) => outcome === 'confirmed').length);
  assert.is(attempted, confirmed! + inDoubt! + refused!);
  assert.is(refused, 0);
  assert.ok(resume! >= 3000 && resume! < total, `resume ${resume}`);
  // Each line up to the resume point is confirmed, and the next one is not.
  const outcomeOf = new Map(outcomes.map(({ number, outcome }) => [number, outcome]));
  for (let line = 1; line <= resume!; line += 1) assert.is(outcomeOf.get(line), 'confirmed', `line ${line}`);
  assert.is.not(outcomeOf.get(resume! + 1), 'confirmed');

  const second = await startBroker(cwd, port);
  const resumed = await mq([...publish, '--skip', String(resume), '--log', 'json'], { cwd, env });
  assert.is(resumed.status, 0, resumed.stderr);
  const { resume: end, attempted: rest } = JSON.parse(lines(resumed.stderr).at(-1) ?? '');
  assert.equal([end, rest], [total, total - resume!]);

  const { stdout } = await mq(['subscribe', 'task', '--until-empty', '--prefetch', '500'], {
    env,
  });
  const seen = lines(stdout);
  const distinct = new Set(seen);
  assert.is(distinct.size, total);
  for (let line = 1; line <= total; line += 1) assert.ok(distinct.has(`line ${line}`), `line ${line} is lost`);
  assert.ok(seen.length - total <= inDoubt!, `${seen.length - total} twice, ${inDoubt} were in doubt`);
  await second.broker.stop();
});

test.run();
