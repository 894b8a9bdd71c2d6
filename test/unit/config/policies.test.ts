// Tests the checks of policies and operator policies in a rascal.json.

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { checkConfigText } from '../../../src/config/check.ts';
import { problemLine } from '../../../src/config/reading/problem.ts';
import { checkTarget } from '../../../src/config/target.ts';
import { builtin } from './fixture.ts';

const queues = { bill: {}, safe: { options: { arguments: { 'x-queue-type': 'quorum' } } } };
const policy = { pattern: '^b', definition: { 'max-length': 5 } };

function file(policies: object, operatorPolicies: object = {}): string {
  const vhosts = { '/': { exchanges: ['orders'], queues } };
  return JSON.stringify({ vhosts, mq: { policies: { '/': policies }, operatorPolicies: { '/': operatorPolicies } } });
}

/** Returns the problems and warnings without their positions. */
function found(policies: object, operatorPolicies: object = {}): string[] {
  const { problems, warnings = [] } = checkConfigText(file(policies, operatorPolicies), {
    file: 'f',
    env: {},
    builtin,
  });
  return [...problems, ...warnings]
    .map((one) => problemLine('f', one).replace(/^f:\d+:\d+: mq\./, ''))
    .filter((line) => !line.includes('redeliveries'));
}

test('accepts policies, and converts durations', () => {
  const policies = {
    plain: policy,
    all: {
      ...{ pattern: '(?i)^orders$|a++', applyTo: 'exchanges', priority: -1 },
      definition: { 'alternate-exchange': 'x' },
    },
    times: { pattern: 'x', priority: 1.5, definition: { 'message-ttl': '30s', 'delivery-limit': -1 } },
  };
  assert.equal(found(policies, { cap: { pattern: '.*', definition: { expires: '1h' } } }), []);
  const { checked } = checkConfigText(file(policies), { file: 'f', env: {}, builtin });
  assert.equal(checked?.config.policies['/']?.['times']?.definition, { 'message-ttl': 30_000, 'delivery-limit': -1 });
});

const wrong: readonly (readonly [title: string, policy: object, lines: readonly string[]])[] = [
  ['without a pattern', { definition: { expires: 1 } }, ['policies["/"].p: "pattern" is missing']],
  ['without a definition', { pattern: 'x' }, ['policies["/"].p: "definition" is missing']],
  ['with an empty definition', { pattern: 'x', definition: {} }, ['policies["/"].p.definition: must not be empty']],
  [
    'with a pattern that does not compile',
    { ...policy, pattern: '^(b' },
    ['policies["/"].p.pattern: is not a regular expression: Unterminated group'],
  ],
  [
    'with a value of the wrong type',
    { ...policy, definition: { 'max-length': '5' } },
    ['policies["/"].p.definition.max-length: must be a whole number of 0 or more (not "5")'],
  ],
  [
    'with a value out of range',
    { ...policy, definition: { expires: 0 } },
    [
      'policies["/"].p.definition.expires: must be a whole number from 1 to 4294967295 (ms), or a duration such as "30s" up to 49.7 days, not 0',
    ],
  ],
  [
    'with an unknown target',
    { ...policy, applyTo: 'queue' },
    [
      'policies["/"].p.applyTo: must be all, queues, classic_queues, quorum_queues, streams or exchanges, not "queue" (did you mean "queues"?)',
    ],
  ],
  [
    'with an unknown setting',
    { ...policy, definition: { 'max-lenght': 5 } },
    [
      'policies["/"].p.definition.max-lenght: RabbitMQ refuses a policy with this setting, unless a plugin defines it (did you mean "max-length"?)',
    ],
  ],
];
for (const [title, one, lines] of wrong) {
  test(`reports a policy ${title}`, () => assert.equal(found({ p: one }), lines));
}

test('reports a setting that an operator policy cannot have', () => {
  assert.equal(found({}, { p: { pattern: 'x', definition: { 'dead-letter-exchange': 'x' } } }), [
    'operatorPolicies["/"].p.definition.dead-letter-exchange: RabbitMQ refuses an operator policy with this setting, unless a plugin defines it',
  ]);
});

test('reports policies of a vhost that the file does not define', () => {
  const text = JSON.stringify({ vhosts: { '/': {} }, mq: { policies: { shop: { p: policy } } } });
  const { problems } = checkConfigText(text, { file: 'f', env: {}, builtin });
  assert.equal(
    problems.map(({ code, path, message }) => [code, path, message]),
    [['reference', 'mq.policies.shop', 'unknown vhost "shop"']],
  );
});

test('reports two policies of one priority that match the same queue', () => {
  const both = (more: object) => found({ first: policy, second: { ...policy, pattern: 'ill$', ...more } });
  assert.equal(both({}), [
    'policies["/"].second: has the same priority as "first", and both match the queue "bill"; RabbitMQ does not define which one applies',
  ]);
  for (const more of [{ priority: 1 }, { applyTo: 'quorum_queues' }, { applyTo: 'exchanges' }, { pattern: 'safe' }])
    assert.equal(both(more), [], JSON.stringify(more));
  assert.equal(found({ first: policy }, { second: policy }), []);
});

test('a policy with a delivery limit ends the warning, but not for roles', () => {
  const text = file({ p: { pattern: 'safe', definition: { 'delivery-limit': 5 } } });
  const { warnings, checked } = checkConfigText(text, { file: 'f', env: {}, builtin });
  assert.equal([warnings, checked?.config.dropping], [[], [{ vhost: '/', queue: 'safe' }]]);
});

test('reports settings that a version refuses', () => {
  const text = file({
    a: { pattern: 'x', definition: { 'delayed-retry-min': 1000 } },
    b: { pattern: 'y', definition: { 'queue-master-locator': 'min-masters' } },
  });
  const refused = (target: '4.0' | '4.3') =>
    checkTarget(text, { env: {}, target })
      .problems.filter(({ code }) => code === 'refused')
      .map(({ path }) => path);
  assert.equal(refused('4.0'), ['mq.policies["/"].a.definition.delayed-retry-min']);
  assert.equal(refused('4.3'), ['mq.policies["/"].b.definition.queue-master-locator']);
});

test.run();
