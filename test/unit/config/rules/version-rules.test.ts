import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { declaredByDefinitions, declaredByRascal } from '../../../../src/config/rules/declared.ts';
import { refusalsOf } from '../../../../src/config/rules/version-rules.ts';

/** Returns the last step and the code of each refusal, for RabbitMQ 4.0 and 4.3. */
function codesOf(declared: ReturnType<typeof declaredByRascal>): string[][] {
  return (['4.0', '4.3'] as const).map((target) =>
    refusalsOf(declared, target).map(({ path, code }) => `${path.at(-1)} ${code}`),
  );
}

const queue = (options: object) => declaredByRascal({ vhosts: { '/': { queues: { q: { options } } } } });
const withArguments = (given: object, more: object = {}) => queue({ ...more, arguments: given });
const policy = (definition: object) =>
  declaredByDefinitions({ policies: [{ vhost: '/', name: 'p', pattern: '', definition }] });

const rows: [title: string, declared: ReturnType<typeof declaredByRascal>, in40: string[], in43: string[]][] = [
  ['a durable classic queue', queue({}), [], []],
  ['a transient queue', queue({ durable: false }), ['durable deprecated'], ['durable refused']],
  ['an exclusive queue that is not durable', queue({ durable: false, exclusive: true }), [], []],
  [
    'an argument for mirrors',
    withArguments({ 'x-ha-policy': 'all' }, { durable: false }),
    ['x-ha-policy refused'],
    ['x-ha-policy refused'],
  ],
  [
    'version 1 of classic queues',
    withArguments({ 'x-queue-version': 1 }),
    ['x-queue-version deprecated'],
    ['x-queue-version refused'],
  ],
  ['version 2 of classic queues', withArguments({ 'x-queue-version': 2 }), [], []],
  ['a lazy queue', queue({ queueMode: 'lazy' }), ['queueMode deprecated'], ['queueMode deprecated']],
  [
    'a queue master locator',
    withArguments({ 'x-queue-master-locator': 'random' }),
    ['x-queue-master-locator deprecated'],
    ['x-queue-master-locator refused'],
  ],
  [
    'a delivery limit on a classic queue',
    withArguments({ 'x-delivery-limit': 5 }),
    ['x-delivery-limit refused'],
    ['x-delivery-limit refused'],
  ],
  [
    'priorities on a quorum queue',
    withArguments({ 'x-queue-type': 'quorum' }, { maxPriority: 5 }),
    ['maxPriority refused'],
    ['maxPriority refused'],
  ],
  [
    'an argument that only RabbitMQ 4.3 checks',
    withArguments({ 'x-queue-type': 'stream', 'x-consumer-timeout': 1 }),
    [],
    ['x-consumer-timeout refused'],
  ],
  [
    'an exclusive quorum queue',
    withArguments({ 'x-queue-type': 'quorum' }, { exclusive: true, durable: false, autoDelete: true }),
    ['exclusive refused'],
    ['exclusive refused'],
  ],
  [
    'a transient stream with auto-delete',
    withArguments({ 'x-queue-type': 'stream' }, { durable: false, autoDelete: true }),
    ['durable refused', 'autoDelete refused'],
    ['durable refused', 'autoDelete refused'],
  ],
  ['a queue type of a plugin', withArguments({ 'x-queue-type': 'odd', 'x-max-age': '1D' }), [], []],
  [
    'a delayed exchange',
    declaredByRascal({ vhosts: { '/': { exchanges: { e: { type: 'x-delayed-message' } } } } }),
    ['type deprecated'],
    ['type refused'],
  ],
  [
    'a channel prefetch on a quorum queue',
    declaredByRascal({
      vhosts: { '/': { queues: { q: { options: { arguments: { 'x-queue-type': 'quorum' } } } } } },
      subscriptions: { s: { queue: 'q', channelPrefetch: 5 } },
    }),
    ['channelPrefetch refused'],
    ['channelPrefetch deprecated'],
  ],
  ['a mirroring policy', policy({ 'ha-mode': 'all' }), ['ha-mode refused'], ['ha-mode refused']],
  [
    'a policy with old keys',
    policy({ 'queue-master-locator': 'random', 'queue-mode': 'lazy', 'queue-version': 1 }),
    ['queue-master-locator deprecated', 'queue-mode deprecated', 'queue-version deprecated'],
    ['queue-master-locator refused', 'queue-mode deprecated', 'queue-version deprecated'],
  ],
  ['any other policy', policy({ 'max-length': 5 }), [], []],
];

for (const [title, declared, in40, in43] of rows) {
  test(`checks ${title} for 4.0 and 4.3`, () => assert.equal(codesOf(declared), [in40, in43]));
}

test.run();
