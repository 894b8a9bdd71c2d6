// Lists what RabbitMQ 4.0 and 4.3 refuse or deprecate. Each rule was tested on 4.0.5 and 4.3.6, and
// test/cluster/target.test.ts repeats this test. If the release notes of 4.3.0 differ, the message mentions them.

import type { Plain } from '../plain.ts';
import { mirrorArguments, mirrorKeys, policyWithoutMirrors, quorumArguments, replicasOf } from '../quorum.ts';
import type { Finding, Path, ProblemCode } from '../reading/problem.ts';
import type { Declared, DeclaredPolicy, DeclaredQueue } from './declared.ts';

/** Versions that have rules. */
export const targets = ['4.0', '4.3'] as const;
export type Target = (typeof targets)[number];

/** Names of the rules, for readers of JSON. */
export type VersionRule =
  | 'transient-queue'
  | 'queue-version'
  | 'queue-mode'
  | 'master-locator'
  | 'mirroring'
  | 'queue-argument'
  | 'queue-property'
  | 'delayed-exchange'
  | 'global-prefetch'
  | 'policy-argument';

/** A finding without its offset, and the rule that found it. */
interface Refusal extends Omit<Finding, 'offset'> {
  readonly rule: VersionRule;
}

/** Returns everything that the version refuses or deprecates in the declarations. */
export function refusalsOf(declared: Declared, target: Target): Refusal[] {
  return [
    ...declared.queues.flatMap((queue) => queueRefusals(queue, target)),
    ...declared.exchanges.flatMap(({ at, type }) => (type === 'x-delayed-message' ? [delayed(at, target)] : [])),
    ...declared.channelPrefetches.map((one) => channelPrefetch(one, target)),
    ...declared.policies.flatMap((policy) => policyRefusals(policy, declared.queues, target)),
  ];
}

function queueRefusals(queue: DeclaredQueue, target: Target): Refusal[] {
  return [
    ...mirrorRefusals(queue),
    ...(queue.type === 'classic' ? classicRefusals(queue, target) : []),
    ...unsupportedArguments(queue, target),
    ...(queue.type === 'quorum' || queue.type === 'stream' ? replicatedRefusals(queue, queue.type) : []),
  ];
}

function mirrorRefusals(queue: DeclaredQueue): Refusal[] {
  const mirror = mirrorOf(queue);
  if (mirror === undefined) return [];
  const path = queue.placeOf(mirror);
  const rule = 'mirroring';
  const message = 'RabbitMQ 4.0 removed mirrored queues; it ignores this argument and keeps the queue on one node';
  if (queue.exclusive)
    return [
      { rule, code: 'refused', path, message: `${message}. An exclusive queue is deleted with its connection anyway` },
    ];
  return [{ rule, code: 'refused', path, message, instead: quorumInstead(queue) }];
}

/** Returns the first argument that requests mirrors. */
function mirrorOf(queue: DeclaredQueue): string | undefined {
  return [...mirrorArguments, ...mirrorKeys].find((name) => Object.hasOwn(queue.arguments, name));
}

function classicRefusals(queue: DeclaredQueue, target: Target): Refusal[] {
  const { arguments: given, placeOf } = queue;
  const isTransient = !queue.durable && !queue.exclusive && mirrorOf(queue) === undefined;
  const refusals: Refusal[] = isTransient ? [transientRefusal(queue, target)] : [];
  if (Number(given['x-queue-version']) === 1)
    refusals.push({
      rule: 'queue-version',
      code: verdict(target === '4.3'),
      path: placeOf('x-queue-version'),
      message: 'RabbitMQ 4.3 removed version 1 of classic queues (406)',
      instead: 'remove x-queue-version',
    });
  if (Object.hasOwn(given, 'x-queue-mode'))
    refusals.push({
      rule: 'queue-mode',
      code: 'deprecated',
      path: placeOf('x-queue-mode'),
      message:
        'has no effect since RabbitMQ 3.12, because every classic queue behaves like a lazy one; the release notes of 4.3.0 announce that it is refused, but 4.3.6 accepts it',
      instead: 'remove x-queue-mode',
    });
  if (Object.hasOwn(given, 'x-queue-master-locator'))
    refusals.push({
      rule: 'master-locator',
      code: verdict(target === '4.3'),
      path: placeOf('x-queue-master-locator'),
      message: 'is deprecated, and RabbitMQ 4.3 closes the connection (541)',
      instead: `"x-queue-leader-locator": "${leaderLocator(given['x-queue-master-locator'])}"`,
    });
  return refusals;
}

function transientRefusal(queue: DeclaredQueue, target: Target): Refusal {
  const expires = queue.autoDelete ? { 'x-expires': 1_800_000 } : {};
  const durable = queue.settingsText({ durable: true, arguments: { ...kept(queue.arguments), ...expires } });
  return {
    rule: 'transient-queue',
    code: verdict(target === '4.3'),
    path: queue.placeOf('durable'),
    message:
      target === '4.3'
        ? 'RabbitMQ 4.3.0 refuses a queue that is neither durable nor exclusive: it closes the connection (541) unless deprecated_features.permit.transient_nonexcl_queues is set. The Debian package 4.3.6 accepts it with a warning'
        : 'a queue that is neither durable nor exclusive is deprecated: RabbitMQ 4.0 warns, 4.3.0 closes the connection (541)',
    instead: `${durable} (or "exclusive": true if only one connection uses it)`,
  };
}

function unsupportedArguments({ type, arguments: given, placeOf }: DeclaredQueue, target: Target): Refusal[] {
  const unsupported = argumentsRefusedBy(type, target).filter((name) => Object.hasOwn(given, name));
  return unsupported.map((name) => {
    const instead = replacements[`${type} ${name}`];
    const message = `a ${type} queue does not support this argument (406)`;
    return {
      rule: 'queue-argument',
      code: 'refused',
      path: placeOf(name),
      message,
      ...(instead !== undefined && { instead }),
    };
  });
}

/** Returns the refusals of properties that a quorum queue or a stream cannot have. */
function replicatedRefusals(
  { durable, exclusive, autoDelete, placeOf }: DeclaredQueue,
  type: 'quorum' | 'stream',
): Refusal[] {
  const message = `a ${type} queue is always durable, never exclusive and never auto-deleted (406)`;
  const refused = (name: string, instead: string): Refusal => {
    return { rule: 'queue-property', code: 'refused', path: placeOf(name), message, instead };
  };
  if (exclusive) return [refused('exclusive', 'a classic queue')];
  return [
    ...(durable ? [] : [refused('durable', '"durable": true')]),
    ...(autoDelete ? [refused('autoDelete', type === 'quorum' ? '"x-expires": 1800000' : '"x-max-age": "7D"')] : []),
  ];
}

/** Returns the arguments without those that have a rule of their own. */
function kept(given: Plain): Plain {
  const gone = ['x-queue-mode', 'x-queue-version', 'x-queue-master-locator'];
  return Object.fromEntries(Object.entries(given).filter(([name]) => !gone.includes(name)));
}

function quorumInstead(queue: DeclaredQueue): string {
  const { arguments: own, autoDelete } = queue;
  const replicas = replicasOf({ 'ha-mode': own['ha-mode'] ?? own['x-ha-policy'], 'ha-params': own['ha-params'] });
  return queue.settingsText({ durable: true, arguments: quorumArguments(own, { autoDelete, replicas }) });
}

/**
 * Arguments that some queue types support and the others refuse with 406. RabbitMQ 4.0 does not know the arguments of
 * 4.3 and accepts them.
 */
const supportingTypes43: Readonly<Record<string, readonly string[]>> = {
  'x-stream-filter-size-bytes': ['stream'],
  'x-consumer-timeout': ['quorum'],
  'x-consumer-disconnected-timeout': ['quorum'],
};
const supportingTypes: Readonly<Record<string, readonly string[]>> = {
  'x-message-ttl': ['classic', 'quorum'],
  'x-expires': ['classic', 'quorum'],
  'x-max-length': ['classic', 'quorum'],
  'x-overflow': ['classic', 'quorum'],
  'x-dead-letter-exchange': ['classic', 'quorum'],
  'x-dead-letter-routing-key': ['classic', 'quorum'],
  'x-single-active-consumer': ['classic', 'quorum'],
  'x-max-priority': ['classic'],
  'x-queue-mode': ['classic'],
  'x-queue-version': ['classic'],
  'x-queue-master-locator': ['classic'],
  'x-delivery-limit': ['quorum'],
  'x-dead-letter-strategy': ['quorum'],
  'x-quorum-initial-group-size': ['quorum'],
  'x-max-in-memory-length': ['quorum'],
  'x-max-in-memory-bytes': ['quorum'],
  'x-max-age': ['stream'],
  'x-stream-max-segment-size-bytes': ['stream'],
  'x-initial-cluster-size': ['stream'],
};

function argumentsRefusedBy(type: string, target: Target): string[] {
  const rows = { ...supportingTypes, ...(target === '4.3' && supportingTypes43) };
  if (!['classic', 'quorum', 'stream'].includes(type)) return [];
  return Object.keys(rows).filter((name) => !rows[name]?.includes(type));
}

const replacements: Readonly<Record<string, string>> = {
  'quorum x-max-priority': 'remove it; a quorum queue supports message priorities without it',
  'quorum x-queue-mode': 'remove it; a quorum queue keeps its messages on disk',
  'quorum x-queue-version': 'remove it; only classic queues have versions',
  'quorum x-queue-master-locator': '"x-queue-leader-locator": "balanced"',
  'classic x-delivery-limit': 'add "x-queue-type": "quorum"',
  'classic x-dead-letter-strategy': 'add "x-queue-type": "quorum"',
  'classic x-quorum-initial-group-size': 'add "x-queue-type": "quorum"',
  'stream x-max-length': '"x-max-length-bytes" or "x-max-age"',
  'stream x-message-ttl': '"x-max-age"',
};

function delayed(at: Path, target: Target): Refusal {
  const message =
    target === '4.3'
      ? 'the delayed message exchange plugin is archived and has no release for RabbitMQ 4.3'
      : 'requires the delayed message exchange plugin, which is archived and has no release for RabbitMQ 4.3';
  const instead = 'a queue with x-message-ttl that dead-letters to the exchange, as in the retries of mq';
  return { rule: 'delayed-exchange', code: verdict(target === '4.3'), path: at, message, instead };
}

function channelPrefetch(given: Declared['channelPrefetches'][number], target: Target): Refusal {
  const { at: path, prefetch, queue } = given;
  const instead = `"prefetch": ${prefetch}`;
  if (target === '4.0' && queue === 'quorum')
    return {
      rule: 'global-prefetch',
      code: 'refused',
      path,
      message: 'RabbitMQ 4.0 closes the connection (540) when a channel with this limit consumes from a quorum queue',
      instead,
    };
  const message =
    target === '4.3'
      ? 'RabbitMQ 4.3 accepts this limit but applies it to each consumer of the channel'
      : 'a limit for the whole channel is deprecated; RabbitMQ 4.3 applies it to each consumer of the channel';
  return { rule: 'global-prefetch', code: 'deprecated', path, message, instead };
}

function policyRefusals(policy: DeclaredPolicy, queues: readonly DeclaredQueue[], target: Target): Refusal[] {
  const { definition, at } = policy;
  const placeOf = (key: string): Path => [...at, 'definition', key];
  const [mirror] = mirrorKeys.filter((key) => Object.hasOwn(definition, key));
  if (mirror !== undefined) {
    const message = 'RabbitMQ 4.0 removed mirrored queues and refuses this policy';
    const instead = mirrorsInstead(policy, queues);
    return [{ rule: 'mirroring', code: 'refused', path: placeOf(mirror), message, instead }];
  }
  const refusals: Refusal[] = [];
  if (Object.hasOwn(definition, 'queue-master-locator'))
    refusals.push({
      rule: 'master-locator',
      code: verdict(target === '4.3'),
      path: placeOf('queue-master-locator'),
      message: 'is deprecated, and RabbitMQ 4.3 refuses the policy',
      instead: `"queue-leader-locator": "${leaderLocator(definition['queue-master-locator'])}"`,
    });
  for (const key of ['queue-mode', 'queue-version'] as const)
    if (Object.hasOwn(definition, key))
      refusals.push({
        rule: key,
        code: 'deprecated',
        path: placeOf(key),
        message: key === 'queue-mode' ? 'has no effect since RabbitMQ 3.12' : 'RabbitMQ 4.3 has only version 2',
        instead: `remove ${key}`,
      });
  return target === '4.0' ? [...refusals, ...laterRefusals(definition, placeOf)] : refusals;
}

function laterRefusals(definition: DeclaredPolicy['definition'], placeOf: (key: string) => Path): Refusal[] {
  const message = 'RabbitMQ 4.0 refuses a policy with this setting of 4.3';
  return policyKeys43
    .filter((key) => Object.hasOwn(definition, key))
    .map((key) => ({ rule: 'policy-argument', code: 'refused', path: placeOf(key), message }));
}

/** Keys of a policy that RabbitMQ 4.0 does not have. */
const policyKeys43 = ['consumer-disconnected-timeout', 'delayed-retry-type', 'delayed-retry-min', 'delayed-retry-max'];

/** Returns the advice for a mirroring policy: the policy without its mirror keys, and how to declare its queues. */
function mirrorsInstead(policy: DeclaredPolicy, queues: readonly DeclaredQueue[]): string {
  const left = policyWithoutMirrors(policy.definition);
  const remaining =
    left === undefined
      ? 'remove the policy'
      : `the policy ${JSON.stringify({ ...policy.written, 'apply-to': 'quorum_queues', definition: left })}`;
  const mirrored = queues.filter((queue) => queue.vhost === policy.vhost && isMatch(policy.pattern, queue.name));
  const classic = mirrored.filter(({ type }) => type === 'classic').map(({ name }) => name);
  const shown =
    classic.length > 5 ? `${classic.slice(0, 5).join(', ')} and ${classic.length - 5} more` : classic.join(', ');
  const args: Plain = quorumArguments({}, { replicas: replicasOf(policy.definition) });
  return `${remaining}, and declare its queues${shown === '' ? '' : ` (${shown})`} durable with ${JSON.stringify(args)}`;
}

function isMatch(pattern: string, name: string): boolean {
  try {
    return new RegExp(pattern, 'u').test(name);
  } catch {
    return false;
  }
}

function leaderLocator(master: unknown): string {
  return master === 'client-local' ? 'client-local' : 'balanced';
}

function verdict(isRefused: boolean): ProblemCode {
  return isRefused ? 'refused' : 'deprecated';
}
