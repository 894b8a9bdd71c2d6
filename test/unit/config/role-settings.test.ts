// Tests the settings of a role that are also options of the command line: drain, metrics, log and logLevel.

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { runCli } from '../../support/cli.ts';
import { emptyFolder } from '../../support/mq.ts';
import { configOf, linesOf } from './fixture.ts';

const file = (settings: Record<string, unknown>) => ({
  vhosts: { '/': { queues: { jobs: {} } } },
  subscriptions: { jobs: { queue: 'jobs' } },
  mq: { roles: { work: { consume: 'jobs', ...settings } } },
});

test('reads drain, metrics, log and logLevel of a role', () => {
  const settings = { drain: '90s', metrics: '0.0.0.0:9464', log: 'json', logLevel: 'debug' };
  const { drain, metrics, log, logLevel } = configOf(file(settings)).roles['work'] ?? {};
  assert.equal({ drain, metrics, log, logLevel }, { ...settings, drain: 90_000 });
  assert.is(configOf(file({ metrics: 9464 })).roles['work']?.metrics, 9464);
});

test('checks the form of each setting', () => {
  for (const [settings, message] of [
    [{ drain: 'soon' }, /mq\.roles\.work\.drain: must be a whole number/],
    [{ drain: '30d' }, /mq\.roles\.work\.drain: must be .*2147483647/],
    [{ handler: { module: 'x.ts', timeout: '30d' } }, /mq\.roles\.work\.handler\.timeout: must be .*2147483647/],
    [{ metrics: 'localhost' }, /mq\.roles\.work\.metrics: must be PORT or HOST:PORT/],
    [{ metrics: ':9464' }, /mq\.roles\.work\.metrics: must be PORT or HOST:PORT/],
    [{ log: 'xml' }, /mq\.roles\.work\.log: must be text or json/],
    [{ logLevel: 'loud' }, /mq\.roles\.work\.logLevel: must be debug/],
  ] as const) {
    const [line = '', ...more] = linesOf(file(settings));
    assert.match(line, message);
    assert.equal(more, []);
  }
});

test('applies the settings of a role unless an option is given', async () => {
  const cwd = emptyFolder({ 'rascal.json': JSON.stringify(file({ metrics: 0, log: 'json' })) });
  const env = { MQ_URL: 'amqp://127.0.0.1:1' };
  const { status, stderr } = await runCli(['work'], { cwd, env });
  assert.is(status, 69);
  const events = stderr
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as { event: string; url?: string });
  assert.equal(
    events.map(({ event }) => event),
    ['metrics', 'summary', 'error'],
  );
  assert.match(events[0]?.url ?? '', /^http:\/\/127\.0\.0\.1:\d+$/);
  const text = await runCli(['work', '--log', 'text', '--metrics', '127.0.0.1:0'], { cwd, env });
  assert.match(text.stderr, /^metrics on http:\/\/127\.0\.0\.1:\d+\/metrics\n/);
});

test.run();
