import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { configOf, linesOf } from '../fixture.ts';

const summaryOf = (summary: string, env: Record<string, string> = {}) =>
  configOf({ mq: { roles: { r: { publish: 'hello', summary } } } }, env).roles['r']?.summary;

test('replaces variables, and uses the default of an unset or empty one', () => {
  const env = { A: 'x', EMPTY: '' };
  const cases: [string, string][] = [
    ['${A}', 'x'],
    ['-${A}-${A}-', '-x-x-'],
    ['${B:-y}', 'y'],
    ['${A:-y}', 'x'],
    ['${EMPTY}', ''],
    ['${EMPTY:-y}', 'y'],
    ['${B:-}', ''],
    ['${B:-a:-b}', 'a:-b'],
    ['$${A}', '${A}'],
    ['$$${A}', '$${A}'],
    ['$A {A} $', '$A {A} $'],
  ];
  for (const [written, filled] of cases) assert.is(summaryOf(written, env), filled, written);
});

test('does not replace variables in values of variables', () => {
  assert.is(summaryOf('${A}', { A: '${B}' }), '${B}');
});

test('does not change keys', () => {
  assert.ok('${A}' in configOf({ publications: { '${A}': { queue: 'hello' } } }, { A: 'x' }).publications);
});

test('reports an undefined variable once', () => {
  const text = '{\n "publications": { "p": { "queue": "a${NOPE}" } }\n}';
  const message = 'the environment variable NOPE is not set; set it, or write a default: ${NOPE:-default}';
  assert.equal(linesOf(text), [`f:2:38: publications.p.queue: ${message}`]);
  assert.is(linesOf('{"$schema": "${constructor} ${__proto__}"}').length, 2);
});

test('reports an invalid variable', () => {
  for (const written of ['${', '${}', '${A', '${a-b}', '${1}', '${A:=x}']) {
    assert.is(linesOf({ $schema: written }, { A: 'x' }).length, 1, written);
  }
});

test('converts a variable to the type of its field', () => {
  const file = (prefetch: string, durable: string) => ({
    vhosts: { '/': { queues: { q: { options: { durable, arguments: { 'x-max-length': '${LENGTH:-100}' } } } } } },
    subscriptions: { s: { queue: 'q', prefetch } },
  });
  const { vhosts, subscriptions } = configOf(file('${PREFETCH}', '${DURABLE:-false}'), { PREFETCH: '7' });
  assert.is(subscriptions['s']?.prefetch, 7);
  assert.equal(vhosts['/']?.queues['q']?.options, { durable: false, arguments: { 'x-max-length': 100 } });
  // Messages do not contain the values of environment variables.
  assert.equal(
    linesOf(file('${PREFETCH}', 'true'), { PREFETCH: '70000' }).map((line) => line.replace(/^f:\d+:\d+: /, '')),
    [
      'vhosts["/"].queues.q.options.durable: must be true or false (not "true")',
      'subscriptions.s.prefetch: must be a whole number from 0 to 65535, not "${PREFETCH}"',
    ],
  );
  assert.match(linesOf(file('${PREFETCH}', '${D:-true}'), { PREFETCH: 'ten' })[0] ?? '', /\(not "\$\{PREFETCH\}"\)/);
});

test.run();
