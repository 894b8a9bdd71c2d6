// Compares policies, and finds the policy that does the same as the arguments of a queue.

import type { Plain } from '../config/plain.ts';
import type { AttributeDifference, Difference, PolicyRisk } from './difference.ts';
import { isSameValue, type Topology, type TopologyPolicy, type TopologyQueue } from './topology.ts';
import type { WantedTopology } from './wanted.ts';

/** Returns the differences of policies, then those of operator policies. */
export function policyDifferences(wanted: WantedTopology, found: Topology): Difference[] {
  const own = new Set(wanted.queues.map(({ name }) => name));
  const all = (
    kind: 'policy' | 'operator-policy',
    policies: readonly TopologyPolicy[],
    there: readonly TopologyPolicy[],
  ) =>
    policies.flatMap((one) => {
      const before = there.find(({ name }) => name === one.name);
      const attributes = attributesOf(kind, one, before);
      if (before !== undefined && attributes.length === 0) return [];
      const policyRisk = riskOf(one, { queues: found.queues, own });
      return {
        ...{ kind, name: one.name, attributes, exists: before !== undefined },
        ...(before === undefined
          ? { action: 'create' as const, why: 'it does not exist' }
          : { action: 'update' as const, why: 'it has other values on the broker' }),
        ...(policyRisk !== undefined && { policyRisk }),
      };
    });
  return [
    ...all('policy', wanted.policies, found.policies),
    ...all('operator-policy', wanted.operatorPolicies, found.operatorPolicies ?? []),
  ];
}

/** Returns the attributes that differ. Those of a policy that does not exist are all except the defaults. */
function attributesOf(kind: string, wanted: TopologyPolicy, found: TopologyPolicy | undefined): AttributeDifference[] {
  const before = found === undefined ? { applyTo: kind === 'policy' ? 'all' : 'queues', priority: 0 } : fieldsOf(found);
  const after = fieldsOf(wanted);
  return [...new Set([...Object.keys(after), ...Object.keys(before)])].flatMap((attribute) => {
    const [one, other] = [after[attribute] ?? null, before[attribute] ?? null];
    if (isSameValue(one, other)) return [];
    return [{ attribute, wanted: one, found: found === undefined ? null : other, isRefused: false }];
  });
}

function fieldsOf({ pattern, applyTo, priority, definition }: TopologyPolicy): Plain {
  return { pattern, applyTo, priority, ...definition };
}

/** Settings with which RabbitMQ removes messages or queues that exist. */
const removing = ['message-ttl', 'expires', 'max-length', 'max-length-bytes', 'max-age'];

function riskOf(
  { pattern, applyTo, definition }: TopologyPolicy,
  { queues, own }: { queues: readonly TopologyQueue[]; own: ReadonlySet<string> },
): PolicyRisk | undefined {
  const matched = queues.filter((queue) => isMatch({ pattern, applyTo }, queue));
  if (matched.length === 0) return undefined;
  return {
    queues: matched.length,
    otherQueues: matched.filter(({ name }) => !own.has(name)).length,
    messages: matched.reduce((sum, { counts = {} }) => sum + (counts.messages ?? 0), 0),
    removing: removing.filter((key) => definition[key] !== undefined),
  };
}

/** Types of queues by the targets of a policy. */
const typesOf: Readonly<Record<string, readonly string[]>> = {
  all: ['classic', 'quorum', 'stream'],
  queues: ['classic', 'quorum', 'stream'],
  classic_queues: ['classic'],
  quorum_queues: ['quorum'],
  streams: ['stream'],
};

/** Reports whether a policy matches a queue. Returns `undefined` for a pattern that only PCRE supports. */
export function isMatch(
  { pattern, applyTo }: Pick<TopologyPolicy, 'pattern' | 'applyTo'>,
  { name, type = 'classic' }: Pick<TopologyQueue, 'name' | 'type'>,
): boolean | undefined {
  if (!typesOf[applyTo]?.includes(type)) return false;
  try {
    return new RegExp(pattern, 'u').test(name);
  } catch {
    return undefined;
  }
}

/** RabbitMQ: the smaller value applies if an argument and a policy set one of these. */
const smallerApplies = ['message-ttl', 'expires', 'max-length', 'max-length-bytes'];
/** RabbitMQ: the value of the policy applies if an argument sets it as well. */
const policyApplies = ['overflow', 'delayed-retry-type', 'delayed-retry-min', 'delayed-retry-max'];
/** The argument applies if both set one of these. */
const argumentApplies = [
  'dead-letter-exchange',
  'dead-letter-routing-key',
  'dead-letter-strategy',
  'delivery-limit',
  'consumer-timeout',
  'max-age',
];

/**
 * Returns the policy with which a queue need not be replaced, or `undefined` if a policy cannot set all the attributes
 * that differ. It contains the settings of the policy that applies now, because only one policy applies to a queue.
 */
export function policyInstead(
  attributes: readonly AttributeDifference[],
  { name, policy }: TopologyQueue,
  policies: readonly TopologyPolicy[],
): TopologyPolicy | undefined {
  const settings = attributes.map((one) => [one.attribute.replace(/^x-/, ''), one] as const);
  if (!settings.every(([key, one]) => key !== one.attribute && canSet(key, one))) return undefined;
  const current = policies.find((one) => one.name === policy);
  return {
    name,
    pattern: `^${name.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')}$`,
    applyTo: 'queues',
    priority: current === undefined ? 0 : current.priority + 1,
    definition: {
      ...current?.definition,
      ...Object.fromEntries(
        settings.map(([key, { wanted }]) => [key, together(key, wanted, current?.definition[key])]),
      ),
    },
  };
}

/** Returns the value that applies if the policy keeps its value and an argument sets the wanted one. */
function together(key: string, wanted: unknown, current: unknown): unknown {
  const isBoth = smallerApplies.includes(key) && typeof wanted === 'number' && typeof current === 'number';
  return isBoth ? Math.min(wanted, current) : wanted;
}

function canSet(key: string, { wanted, found }: AttributeDifference): boolean {
  if (wanted === null) return false;
  if (found === null) return [...smallerApplies, ...policyApplies, ...argumentApplies].includes(key);
  return policyApplies.includes(key) || (smallerApplies.includes(key) && Number(wanted) < Number(found));
}
