// Checks the rules of mq check --live on recorded answers. test/scenarios/check-live.test.ts breaks real objects; the
// rows marked `recorded only` are states that neither RabbitMQ 4.0 and 4.3 nor the embedded broker can have or report.

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { Target } from '../../../src/config/target.ts';
import { type AuditedBroker, auditFindings } from '../../../src/topology/audit.ts';

const vhost = '/';
const queue = (name: string, more: object = {}) => ({
  ...{ vhost, name, type: 'classic', durable: true, auto_delete: false, exclusive: false },
  arguments: {},
  ...more,
});
const policy = (name: string, definition: object, more: object = {}) => ({
  ...{ vhost, name, pattern: '^good$', 'apply-to': 'queues', priority: 0, definition },
  ...more,
});
const connection = (more: object) => ({
  ...{ vhost, name: '10.0.0.1:5 -> 10.0.0.2:5672', user: 'app', protocol: 'AMQP 0-9-1', frame_max: 131_072 },
  client_properties: { product: 'amqplib', version: '0.10.3' },
  ...more,
});
const transient = queue('brief', { durable: false });

/** A broker without problems. */
const clean: AuditedBroker = {
  version: '4.0.5',
  exchanges: [
    { vhost, name: 'amq.topic', type: 'topic' },
    { vhost, name: 'amq.headers', type: 'headers' },
  ],
  queues: [
    queue('good'),
    queue('limited', { type: 'quorum', arguments: { 'x-queue-type': 'quorum', 'x-delivery-limit': 5 } }),
    queue('mine', { durable: false, exclusive: true }),
  ],
  bindings: [
    { vhost, source: 'amq.topic', destination: 'good', routing_key: '#.a.#' },
    { vhost, source: 'amq.headers', destination: 'good', routing_key: '#.#.#' },
  ],
  policies: [policy('p', { 'max-length': 9 }), policy('low', { 'max-length': 8 }, { priority: -1 })],
  operatorPolicies: [policy('o', { 'max-length': 9 })],
  connections: [
    connection({}),
    connection({ frame_max: 0 }),
    connection({ protocol: 'AMQP 1.0', frame_max: 512 }),
    connection({ protocol: 'MQTT 3.1.1', frame_max: undefined }),
  ],
  channels: [{ vhost, name: 'c (1)', user: 'app', global_prefetch_count: 0 }],
  featureFlags: [
    { name: 'khepri_db', state: 'enabled', stability: 'experimental' },
    { name: 'trial', state: 'disabled', stability: 'experimental' },
  ],
  usedFeatures: [],
};

type Row = readonly [title: string, more: Partial<AuditedBroker>, findings: readonly string[], target?: Target];

const rows: readonly Row[] = [
  ['nothing', {}, []],
  ['a transient queue', { queues: [...clean.queues, transient] }, ['error transient-queue queue brief']],
  [
    'a transient queue that RabbitMQ reports as a deprecated feature, too',
    { queues: [...clean.queues, transient], usedFeatures: [{ name: 'transient_nonexcl_queues' }] },
    ['error transient-queue queue brief'],
  ],
  [
    'arguments that RabbitMQ 4.3 refuses',
    {
      queues: [
        ...clean.queues,
        queue('old', { arguments: { 'x-queue-version': 1 } }),
        queue('near', { arguments: { 'x-queue-master-locator': 'min-masters' } }),
        queue('slow', { arguments: { 'x-consumer-timeout': 60_000 } }),
        queue('copies', { arguments: { 'x-ha-policy': 'all' } }),
        queue('lazy', { arguments: { 'x-queue-mode': 'lazy' } }),
      ],
    },
    [
      'error queue-version queue old',
      'error master-locator queue near',
      'error queue-argument queue slow',
      'error mirroring queue copies',
      'warning queue-mode queue lazy',
    ],
  ],
  [
    'a topic binding with three #',
    { bindings: [{ vhost, source: 'amq.topic', destination: 'good', routing_key: '#.a.#.b.#' }] },
    ['error many-wildcards binding amq.topic -> good (#.a.#.b.#)'],
  ],
  [
    'policies with keys that RabbitMQ 4.3 refuses or ignores',
    {
      policies: [policy('near', { 'queue-master-locator': 'min-masters' })],
      operatorPolicies: [policy('old', { 'queue-version': 1 })],
    },
    ['error master-locator policy near', 'warning queue-version operator policy old'],
  ],
  [
    'recorded only: a delayed exchange',
    { exchanges: [...clean.exchanges, { vhost, name: 'later', type: 'x-delayed-message' }] },
    ['error delayed-exchange exchange later'],
  ],
  [
    'recorded only: a policy that mirrors queues',
    { policies: [policy('ha', { 'ha-mode': 'all' })] },
    ['error mirroring policy ha'],
  ],
  [
    'recorded only: an operator policy that mirrors queues',
    { operatorPolicies: [policy('ha', { 'ha-mode': 'all' })] },
    ['error mirroring operator policy ha'],
  ],
  [
    'recorded only: a channel with a global prefetch, which RabbitMQ 3.13 reports',
    { channels: [{ vhost, name: 'c (2)', user: 'app', global_prefetch_count: 5 }] },
    ['warning global-prefetch channel c (2)'],
  ],
  [
    'a feature flag that the version requires',
    { featureFlags: [{ name: 'khepri_db', state: 'disabled', stability: 'experimental' }] },
    ['error feature-flag feature flag khepri_db'],
  ],
  [
    'recorded only: a stable feature flag that is disabled',
    { featureFlags: [{ name: 'later', state: 'disabled', stability: 'stable' }] },
    ['error feature-flag feature flag later'],
  ],
  [
    'a feature flag that only a newer version requires',
    { featureFlags: [{ name: 'khepri_db', state: 'disabled', stability: 'experimental' }] },
    [],
    '4.0',
  ],
  [
    'recorded only: a deprecated feature in use',
    { usedFeatures: [{ name: 'ram_node_type' }, { name: 'management_metrics_collection' }] },
    [
      'error deprecated-feature deprecated feature ram_node_type',
      'warning deprecated-feature deprecated feature management_metrics_collection',
    ],
  ],
  [
    'a transient queue in a vhost that the user may not access',
    { usedFeatures: [{ name: 'transient_nonexcl_queues' }] },
    ['error deprecated-feature deprecated feature transient_nonexcl_queues'],
  ],
  [
    'a small frame_max',
    { connections: [connection({ frame_max: 4096, user_provided_name: 'app' })] },
    ['error small-frame-max connection app'],
  ],
  [
    'a small frame_max, which RabbitMQ 4.0 accepts',
    { connections: [connection({ frame_max: 4096, user_provided_name: 'app' })] },
    ['warning small-frame-max connection app'],
    '4.0',
  ],
  [
    'policies of equal priority, once for each group',
    {
      queues: [...clean.queues, queue('good2')],
      policies: ['a', 'b'].map((name) => policy(name, {}, { pattern: '^good' })),
    },
    ['warning tied-policies policy a, b'],
  ],
  [
    'operator policies of equal priority',
    { operatorPolicies: [policy('a', {}), policy('b', {})] },
    ['warning tied-policies operator policy a, b'],
  ],
  [
    'a policy with a pattern that only PCRE knows, and nothing that names it',
    { policies: [policy('p', {}, { pattern: '(?i)^GOOD\\z' })] },
    [],
  ],
  [
    'a policy that another policy of a higher priority hides',
    { policies: [policy('p', {}), policy('hidden', {}, { priority: -1 })] },
    [],
  ],
  [
    'a policy for streams that only matches a classic queue',
    { policies: [policy('p', {}, { 'apply-to': 'streams' })] },
    ['warning unused-policy policy p'],
  ],
];

for (const [title, more, findings, target = '4.3'] of rows)
  test(`reports ${title}`, () => {
    const found = auditFindings({ ...clean, ...more }, target);
    assert.equal(
      found.map(({ severity, code, kind, name }) => `${severity} ${code} ${kind} ${name}`),
      findings,
    );
  });

test('a quorum queue drops no message if the policy that applies sets a target', () => {
  const drops = queue('jobs', { type: 'quorum', arguments: { 'x-queue-type': 'quorum' } });
  const target = { 'dead-letter-exchange': 'dead' };
  const codesWith = (...policies: object[]) =>
    auditFindings(
      { ...clean, queues: [drops], policies: policies.map((one) => ({ ...one })), operatorPolicies: [] },
      '4.3',
    )
      .filter(({ kind }) => kind === 'queue')
      .map(({ code }) => code);
  const jobs = { pattern: '^jobs$' };
  assert.equal(codesWith(), ['no-dead-letter-target']);
  assert.equal(codesWith(policy('p', target, jobs)), []);
  assert.equal(codesWith(policy('p', target, jobs), policy('q', {}, { ...jobs, priority: 1 })), [
    'no-dead-letter-target',
  ]);
  assert.equal(codesWith(policy('p', target, { ...jobs, 'apply-to': 'streams' })), ['no-dead-letter-target']);
});

test('names the settings of Celery for its queues, and the release of a client', () => {
  const insteadOf = (more: Partial<AuditedBroker>) => auditFindings({ ...clean, ...more }, '4.3')[0]?.instead;
  for (const name of ['celery@host.celery.pidbox', 'celeryev.0f2c'])
    assert.is(
      insteadOf({ queues: [...clean.queues, { ...transient, name }] }),
      'in Celery, control_queue_exclusive = True and event_queue_exclusive = True',
    );
  assert.is(
    insteadOf({ connections: [connection({ frame_max: 4096 })] }),
    'amqplib 0.10.7 or newer, or frame_max 8192 or more (default 131072)',
  );
});

test.run();
