// Checks the subscriptions to streams. RabbitMQ refuses a consumer of a stream without a prefetch or without
// acknowledgements, and 4.0 closes the connection if the offset is not valid.

import { isObject, membersOf, objectOf, type Plain, stringOf } from '../plain.ts';
import type { Path } from '../reading/problem.ts';
import { expandRole, subscriptionNames } from '../role.ts';
import { parseOffsetArgument } from '../stream-offset.ts';
import { type Report, type RuleInput, scopesOf } from './report.ts';

interface Subscription {
  readonly value: Plain;
  readonly at: Path;
  /** The type that rascal.json sets. `undefined` if it sets none, because the default of the vhost then applies. */
  readonly type: string | undefined;
}

/** Checks offsets, prefetch and acknowledgements of subscriptions, and the prefetch of roles. */
export function checkStreams({ file, report }: Pick<RuleInput, 'file' | 'report'>): void {
  const subscriptions = subscriptionsOf(file);
  for (const subscription of subscriptions.values()) checkSubscription(subscription, report);
  for (const [name, role] of Object.entries(objectOf(objectOf(file['mq'])['roles']))) {
    const { prefetch, ...rest } = expandRole(objectOf(role));
    const readsStream = subscriptionNames(rest).some((one) => subscriptions.get(one)?.type === 'stream');
    if (prefetch === 0 && readsStream) report(['mq', 'roles', name, 'prefetch'], 'value', needsPrefetch);
  }
}

/** Returns a warning for each dead-letter queue that is a stream. */
export function streamWarnings(file: Plain): { path: Path; message: string; instead: string }[] {
  const mq = objectOf(file['mq']);
  const owners = ['subscriptions', 'roles'].flatMap((kind) =>
    Object.entries(objectOf(mq[kind])).map(([name, value]) => ({ value, at: ['mq', kind, name] })),
  );
  return [{ value: mq, at: ['mq'] }, ...owners].flatMap(({ value, at }) => {
    const queue = objectOf(objectOf(objectOf(value)['retry'])['deadLetter'])['queue'];
    const isOfStream = Object.keys(objectOf(file['vhosts'])).some((vhost) => typeOf(file, vhost, queue) === 'stream');
    const message = 'mq dlq cannot read dead letters in a stream, and a stream drops some of their headers';
    return isOfStream
      ? [
          {
            path: [...at, 'retry', 'deadLetter', 'queue'],
            message,
            instead: 'a quorum queue with "x-delivery-limit": -1',
          },
        ]
      : [];
  });
}

const needsPrefetch = 'a stream requires a prefetch of at least 1';

function checkSubscription({ value, at, type }: Subscription, report: Report): void {
  const options = objectOf(value['options']);
  const offset = objectOf(options['arguments'])['x-stream-offset'];
  const parsed = offset === undefined ? undefined : parseOffsetArgument(offset);
  if (parsed && 'problem' in parsed)
    report([...at, 'options', 'arguments', 'x-stream-offset'], 'value', parsed.problem);
  if (offset !== undefined && type !== undefined && type !== 'stream') {
    const message = `requires a stream, but the queue is a ${type} queue`;
    report([...at, 'options', 'arguments', 'x-stream-offset'], 'value', message);
  }
  if (type !== 'stream') return;
  if (value['prefetch'] === 0) report([...at, 'prefetch'], 'value', needsPrefetch);
  if (options['noAck'] === true)
    report([...at, 'options', 'noAck'], 'value', 'a stream requires acknowledgements; remove noAck');
}

function subscriptionsOf(file: Plain): Map<string, Subscription> {
  const found = new Map<string, Subscription>();
  for (const { value: scope, path, vhostName } of scopesOf(file)) {
    for (const [name, value] of Object.entries(objectOf(scope['subscriptions']))) {
      if (!isObject(value)) continue;
      const vhost = vhostName ?? stringOf(value['vhost']) ?? '/';
      const at = [...path, 'subscriptions', name];
      found.set(name, { value, at, type: typeOf(file, vhost, value['queue']) });
    }
  }
  return found;
}

function typeOf(file: Plain, vhost: string, queue: unknown): string | undefined {
  const defined = membersOf(objectOf(objectOf(file['vhosts'])[vhost])['queues']).find(({ name }) => name === queue);
  return stringOf(objectOf(objectOf(defined?.value['options'])['arguments'])['x-queue-type']);
}
