// Lists what RabbitMQ 4.0 and 4.3 refuse or deprecate. Each rule was measured on 4.0.5 and 4.3.6, and
// test/cluster/target.test.ts measures it again. If the release notes of 4.3.0 differ, the message mentions it.

import type { Plain } from '../plain.ts';
import { mirrorArguments, mirrorKeys, policyWithoutMirrors, quorumArguments, replicasOf } from '../quorum.ts';
import type { Finding, Path, ProblemCode } from '../reading/problem.ts';
import type { Declared, DeclaredPolicy, DeclaredQueue } from './declared.ts';

/** Versions that were measured. */
export const targets = ['4.0', '4.3'] as const;
export type Target = (typeof targets)[number];

/** A finding without its offset. */
export type Refusal = Omit<Finding, 'offset'>;

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
  const { type, durable, exclusive, autoDelete, placeOf } = queue;
  const refusals: Refusal[] = [];
  const say = (name: string, code: ProblemCode, message: string, instead?: string) =>
    refusals.push({ code, path: placeOf(name), message, ...(instead !== undefined && { instead }) });
  const mirrors = [...mirrorArguments, ...mirrorKeys].filter((name) => Object.hasOwn(queue.arguments, name));
  const [mirror] = mirrors;
  if (mirror !== undefined) {
    const message = 'no mirrored queues since RabbitMQ 4.0: it takes this argument and keeps the queue on one node';
    if (exclusive) say(mirror, 'refused', `${message}; an exclusive queue lives and dies with its connection there`);
    else say(mirror, 'refused', message, quorumInstead(queue));
  }
  if (type === 'classic') {
    if (!durable && !exclusive && mirror === undefined) {
      const message =
        target === '4.3'
          ? 'a queue that is neither durable nor exclusive: RabbitMQ 4.3.0 closes the connection (541) unless deprecated_features.permit.transient_nonexcl_queues is set; 4.3.6 of Debian takes it, and warns'
          : 'a queue that is neither durable nor exclusive is deprecated: RabbitMQ 4.0 warns, 4.3.0 closes the connection (541)';
      const expires = autoDelete ? { 'x-expires': 1_800_000 } : {};
      const instead = queue.drawn({ durable: true, arguments: { ...kept(queue.arguments), ...expires } });
      say('durable', verdict(target === '4.3'), message, `${instead} (or exclusive, where one connection uses it)`);
    }
    if (Number(queue.arguments['x-queue-version']) === 1)
      say(
        'x-queue-version',
        verdict(target === '4.3'),
        'version 1 of classic queues is gone in RabbitMQ 4.3 (406)',
        'no x-queue-version',
      );
    if (Object.hasOwn(queue.arguments, 'x-queue-mode'))
      say(
        'x-queue-mode',
        'deprecated',
        'does nothing since RabbitMQ 3.12: every classic queue is as lazy was; the notes of 4.3.0 say that it is refused, and 4.3.6 takes it',
        'no x-queue-mode',
      );
    if (Object.hasOwn(queue.arguments, 'x-queue-master-locator'))
      say(
        'x-queue-master-locator',
        verdict(target === '4.3'),
        'is deprecated, and RabbitMQ 4.3 closes the connection (541)',
        `"x-queue-leader-locator": "${leaderLocator(queue.arguments['x-queue-master-locator'])}"`,
      );
  }
  for (const name of foreignTo(type, target))
    if (Object.hasOwn(queue.arguments, name))
      say(name, 'refused', `a ${type} queue does not take it (406)`, equivalents[`${type} ${name}`]);
  if (type === 'quorum' || type === 'stream') {
    const only = `a ${type} queue is always durable, never exclusive, never auto-deleted (406)`;
    if (exclusive) say('exclusive', 'refused', only, 'a classic queue');
    else if (!durable) say('durable', 'refused', only, '"durable": true');
    if (autoDelete && !exclusive)
      say('autoDelete', 'refused', only, type === 'quorum' ? '"x-expires": 1800000' : '"x-max-age": "7D"');
  }
  return refusals;
}

/** Returns the arguments without those that have a rule of their own. */
function kept(given: Plain): Plain {
  const gone = ['x-queue-mode', 'x-queue-version', 'x-queue-master-locator'];
  return Object.fromEntries(Object.entries(given).filter(([name]) => !gone.includes(name)));
}

function quorumInstead(queue: DeclaredQueue): string {
  const { arguments: own, autoDelete } = queue;
  const replicas = replicasOf({ 'ha-mode': own['ha-mode'] ?? own['x-ha-policy'], 'ha-params': own['ha-params'] });
  return queue.drawn({ durable: true, arguments: quorumArguments(own, { autoDelete, replicas }) });
}

/**
 * Arguments that some queue types support and the others refuse with 406. RabbitMQ 4.0 does not know the arguments of
 * 4.3 and accepts them.
 */
const own43: Readonly<Record<string, readonly string[]>> = {
  'x-stream-filter-size-bytes': ['stream'],
  'x-consumer-timeout': ['quorum'],
  'x-consumer-disconnected-timeout': ['quorum'],
};
const own: Readonly<Record<string, readonly string[]>> = {
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

function foreignTo(type: string, target: Target): string[] {
  const rows = { ...own, ...(target === '4.3' && own43) };
  if (!['classic', 'quorum', 'stream'].includes(type)) return [];
  return Object.keys(rows).filter((name) => !rows[name]?.includes(type));
}

const equivalents: Readonly<Record<string, string>> = {
  'quorum x-max-priority': 'nothing; a quorum queue heeds the priority of messages without it',
  'quorum x-queue-mode': 'nothing; a quorum queue keeps its messages on disk',
  'quorum x-queue-version': 'nothing; it is for classic queues',
  'quorum x-queue-master-locator': '"x-queue-leader-locator": "balanced"',
  'classic x-delivery-limit': '"x-queue-type": "quorum" with it',
  'classic x-dead-letter-strategy': '"x-queue-type": "quorum" with it',
  'classic x-quorum-initial-group-size': '"x-queue-type": "quorum" with it',
  'stream x-max-length': '"x-max-length-bytes", "x-max-age"',
  'stream x-message-ttl': '"x-max-age"',
};

function delayed(at: Path, target: Target): Refusal {
  const message =
    target === '4.3'
      ? 'the plugin of delayed messages is archived, and there is none for RabbitMQ 4.3'
      : 'needs the plugin of delayed messages, which is archived, and there is none for RabbitMQ 4.3';
  const instead = 'a queue with x-message-ttl that dead-letters to the exchange (as the retries of mq do)';
  return { code: verdict(target === '4.3'), path: at, message, instead };
}

function channelPrefetch(given: Declared['channelPrefetches'][number], target: Target): Refusal {
  const { at: path, prefetch, queue } = given;
  const instead = `"prefetch": ${prefetch}`;
  if (target === '4.0' && queue === 'quorum')
    return {
      code: 'refused',
      path,
      message: 'RabbitMQ 4.0 closes the connection (540) that consumes from a quorum queue so',
      instead,
    };
  const message =
    target === '4.3'
      ? 'RabbitMQ 4.3 answers ok, and limits every consumer of the channel by itself'
      : 'a limit of the whole channel is deprecated; RabbitMQ 4.3 limits every consumer by itself';
  return { code: 'deprecated', path, message, instead };
}

function policyRefusals(policy: DeclaredPolicy, queues: readonly DeclaredQueue[], target: Target): Refusal[] {
  const { definition, at } = policy;
  const placeOf = (key: string): Path => [...at, 'definition', key];
  const [mirror] = mirrorKeys.filter((key) => Object.hasOwn(definition, key));
  if (mirror !== undefined) {
    const message = 'no mirrored queues since RabbitMQ 4.0, which refuses this policy';
    return [{ code: 'refused', path: placeOf(mirror), message, instead: mirrorsInstead(policy, queues) }];
  }
  const refusals: Refusal[] = [];
  if (Object.hasOwn(definition, 'queue-master-locator'))
    refusals.push({
      code: verdict(target === '4.3'),
      path: placeOf('queue-master-locator'),
      message: 'is deprecated, and RabbitMQ 4.3 refuses the policy',
      instead: `"queue-leader-locator": "${leaderLocator(definition['queue-master-locator'])}"`,
    });
  for (const key of ['queue-mode', 'queue-version'])
    if (Object.hasOwn(definition, key))
      refusals.push({
        code: 'deprecated',
        path: placeOf(key),
        message: key === 'queue-mode' ? 'does nothing since RabbitMQ 3.12' : 'there is but version 2 in RabbitMQ 4.3',
        instead: `no ${key}`,
      });
  return refusals;
}

/** Describes the rest of the policy, and how to declare the queues that it mirrors. */
function mirrorsInstead(policy: DeclaredPolicy, queues: readonly DeclaredQueue[]): string {
  const left = policyWithoutMirrors(policy.definition);
  const remaining =
    left === undefined
      ? 'no policy'
      : `the policy ${JSON.stringify({ ...policy.written, 'apply-to': 'quorum_queues', definition: left })}`;
  const mirrored = queues.filter((queue) => queue.vhost === policy.vhost && isMatch(policy.pattern, queue.name));
  const classic = mirrored.filter(({ type }) => type === 'classic').map(({ name }) => name);
  const shown =
    classic.length > 5 ? `${classic.slice(0, 5).join(', ')} and ${classic.length - 5} more` : classic.join(', ');
  const args: Plain = quorumArguments({}, { replicas: replicasOf(policy.definition) });
  return `${remaining}, and its queues${shown === '' ? '' : ` (${shown})`} declared durable with ${JSON.stringify(args)}`;
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
