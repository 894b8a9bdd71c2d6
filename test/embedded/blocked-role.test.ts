// Blocks publishing by a memory alarm: a publisher reports that it is blocked, and loses no message.

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { Place } from '../support/embedded.ts';
import { mq, startMq } from '../support/mq.ts';
import { until } from '../support/until.ts';

test('reports a blocked connection in /readyz and metrics, then confirms all', () =>
  Place.with({ port: 0, memoryLimitBytes: 100_000 }, async (place) => {
    const env = { MQ_URL: place.url() };
    const running = startMq(['task', '--lines', '--metrics', '0', '--log', 'json', '--window', '4'], { env });
    const [, url = ''] = /"url":"([^"]+)"/.exec(await running.prints(/"event":"metrics".*\n/, 'stderr')) ?? [];
    const ready = async () => (await fetch(`${url}/readyz`)).status;
    const metrics = async () => (await fetch(`${url}/metrics`)).text();
    await until('ready', async () => (await ready()) === 200);
    for (let line = 0; line < 20; line += 1) running.stdin.write(`${'x'.repeat(10_000)}\n`);
    running.stdin.end();
    await running.prints(/"event":"blocked"/, 'stderr');
    await until('not ready', async () => (await ready()) === 503);
    assert.match(await metrics(), /^mq_blocked 1$/m);
    assert.match(await (await fetch(`${url}/readyz`)).text(), /^the broker blocks publishing$/m);

    const taken = mq(['subscribe', 'task', '--count', '20', '--json'], { env });
    const { status, stderr } = await running.ended;
    assert.is(status, 0, stderr);
    assert.match(stderr, /"event":"unblocked"/);
    assert.match(stderr, /"event":"summary".*"attempted":20,"confirmed":20,"refused":0,"inDoubt":0,"resume":20/);
    assert.is((await taken).stdout.trimEnd().split('\n').length, 20);
  }));

test('--timeout ends a sender that the broker blocks', () =>
  Place.with({ port: 0, memoryLimitBytes: 100_000 }, async (place) => {
    const input = `${'x'.repeat(10_000)}\n`.repeat(20);
    const env = { MQ_URL: place.url() };
    const { status, stderr } = await mq(['task', '--lines', '--timeout', '1s', '--window', '4'], { env, input });
    assert.is(status, 75, stderr);
    assert.match(stderr, /no answer from the broker in 1 s, which blocks publishing: \d messages may or may not have/);
  }));

test.run();
