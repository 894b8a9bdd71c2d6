// The policies of a virtual host: settings for all queues and exchanges whose name matches a pattern
// (https://www.rabbitmq.com/docs/policies). At most one policy and one operator policy apply to a name: the matching
// ones with the highest priority.

import { patternTest } from '../patterns.ts';
import { ageMs, longestMs, type QueueType } from './arguments.ts';

export const policyKinds = ['policy', 'operator_policy'] as const;
export type PolicyKind = (typeof policyKinds)[number];

export type PolicyDefinition = Readonly<Record<string, string | number | boolean>>;

export interface Policy {
  readonly name: string;
  readonly pattern: string;
  readonly applyTo: string;
  readonly priority: number;
  readonly definition: PolicyDefinition;
}

/** The policies that apply to one queue or exchange. */
export interface AppliedPolicy {
  readonly policy: string | null;
  readonly operatorPolicy: string | null;
  readonly definition: PolicyDefinition;
}

export const noPolicy: AppliedPolicy = { policy: null, operatorPolicy: null, definition: {} };

export class Policies {
  readonly #rows = new Map<PolicyKind, Map<string, { policy: Policy; test: (name: string) => boolean }>>(
    policyKinds.map((kind) => [kind, new Map()]),
  );

  /** Returns the policies in ascending order of priority, as RabbitMQ lists them. */
  all(kind: PolicyKind): Policy[] {
    const policies = Array.from(this.#rows.get(kind)?.values() ?? [], ({ policy }) => policy);
    return policies.sort((a, b) => a.priority - b.priority || (a.name < b.name ? -1 : 1));
  }

  get(kind: PolicyKind, name: string): Policy | undefined {
    return this.#rows.get(kind)?.get(name)?.policy;
  }

  /** Adds or replaces a policy. Throws a SyntaxError if the pattern is invalid. */
  set(kind: PolicyKind, policy: Policy): void {
    this.#rows.get(kind)?.set(policy.name, { policy, test: patternTest(policy.pattern) });
  }

  remove(kind: PolicyKind, name: string): void {
    this.#rows.get(kind)?.delete(name);
  }

  /** Returns the policies that apply to a queue of this type, or to an exchange. */
  appliedTo(name: string, type: QueueType | 'exchange'): AppliedPolicy {
    const [policy, operator] = policyKinds.map((kind) => this.#best(kind, name, type));
    if (policy === undefined && operator === undefined) return noPolicy;
    return {
      policy: policy?.name ?? null,
      operatorPolicy: operator?.name ?? null,
      definition: merged(policy?.definition ?? {}, operator?.definition ?? {}),
    };
  }

  #best(kind: PolicyKind, name: string, type: string): Policy | undefined {
    let best: Policy | undefined;
    for (const { policy, test } of this.#rows.get(kind)?.values() ?? []) {
      if (best !== undefined && best.priority >= policy.priority) continue;
      if (appliesTo[policy.applyTo]?.includes(type) && test(name)) best = policy;
    }
    return best;
  }
}

/** Merges both definitions. RabbitMQ: the smaller of two numbers applies, and otherwise the value of the operator policy. */
function merged(policy: PolicyDefinition, operator: PolicyDefinition): PolicyDefinition {
  const both = Object.entries(operator).map(([key, limit]) => {
    const value = policy[key];
    return [key, typeof value === 'number' && typeof limit === 'number' ? Math.min(value, limit) : limit];
  });
  return { ...policy, ...Object.fromEntries(both) };
}

const appliesTo: Readonly<Record<string, readonly string[]>> = {
  all: ['classic', 'quorum', 'stream', 'exchange'],
  queues: ['classic', 'quorum', 'stream'],
  classic_queues: ['classic'],
  quorum_queues: ['quorum'],
  streams: ['stream'],
  exchanges: ['exchange'],
};

type Check = readonly [what: string, isValid: (value: unknown) => boolean];

const isWhole = (value: unknown) => typeof value === 'number' && Number.isSafeInteger(value);
const isText = (value: unknown) => typeof value === 'string';
const from =
  (least: number, most = Infinity) =>
  (value: unknown) =>
    isWhole(value) && Number(value) >= least && Number(value) <= most;
const oneOf =
  (...words: readonly unknown[]) =>
  (value: unknown) =>
    words.includes(value);

const checks: Readonly<Record<string, Check>> = {
  'message-ttl': ['message TTL', from(0, longestMs)],
  expires: ['queue expiry', from(1, longestMs)],
  'max-length': ['maximum length', from(0)],
  'max-length-bytes': ['maximum length in bytes', from(0)],
  overflow: ['overflow value', oneOf('drop-head', 'reject-publish', 'reject-publish-dlx')],
  'dead-letter-exchange': ['dead letter exchange name', isText],
  // RabbitMQ also accepts longer keys, but it cannot use them, because a routing key is a short string.
  'dead-letter-routing-key': [
    'dead letter routing key',
    (value) => isText(value) && Buffer.byteLength(`${value}`) <= 255,
  ],
  'dead-letter-strategy': ['dead letter strategy', oneOf('at-most-once', 'at-least-once')],
  'delivery-limit': ['delivery limit', isWhole],
  'alternate-exchange': ['alternate exchange name', isText],
  // These settings choose how and where messages are stored. This broker accepts and ignores them.
  'queue-mode': ['queue mode value', oneOf('default', 'lazy')],
  'queue-version': ['queue version', oneOf(1, 2)],
  'queue-leader-locator': ['queue leader locator', oneOf('client-local', 'balanced')],
  'max-in-memory-length': ['maximum memory in length', from(0)],
  'max-in-memory-bytes': ['maximum memory in bytes', from(0)],
  'initial-cluster-size': ['initial cluster size', from(1)],
  'target-group-size': ['target group size', from(1)],
  'max-age': ['max age', (value) => isText(value) && ageMs(`${value}`) !== undefined],
  'stream-max-segment-size-bytes': ['maximum segment size', from(0)],
  'stream-filter-size-bytes': ['filter size', from(16, 255)],
};

const operatorSettings: readonly string[] = [
  'expires',
  'message-ttl',
  'max-length',
  'max-length-bytes',
  'max-in-memory-length',
  'max-in-memory-bytes',
  'delivery-limit',
  'overflow',
  'target-group-size',
];

/** Returns RabbitMQ's text for an invalid policy, or `undefined` if the policy is valid. */
export function policyProblem(kind: PolicyKind, { pattern, applyTo, definition }: Policy): string | undefined {
  try {
    patternTest(pattern);
  } catch (error) {
    return `pattern should be regular expression but is invalid: ${error instanceof Error ? error.message : error}`;
  }
  if (!Object.hasOwn(appliesTo, applyTo)) {
    return `apply-to '${applyTo}' unrecognised; should be one of: 'queues', 'classic_queues',  'quorum_queues', 'streams', 'exchanges', or 'all'`;
  }
  const entries = Object.entries(definition);
  if (entries.length === 0) return 'no policy provided';
  for (const [key, value] of entries) {
    const isAllowed = kind === 'policy' ? Object.hasOwn(checks, key) : operatorSettings.includes(key);
    const check = isAllowed ? checks[key] : undefined;
    const shown = typeof value === 'string' ? `<<"${value}">>` : JSON.stringify(value);
    if (check === undefined) return `[{<<"${key}">>,${shown}}] are not recognised policy settings`;
    const [what, isValid] = check;
    if (!isValid(value)) return `${shown} is not a valid ${what}`;
  }
  return undefined;
}
