// mq declare: declares the topology of rascal.json and the queues for failed messages in advance.

import type { Config, ConnectionConfig, QueueConfig } from '../../config/config.ts';
import type { Context } from '../../context.ts';
import { escaped, MqError, safeJson } from '../../errors.ts';
import type { WantedQueue, WantedTopology } from '../../topology/wanted.ts';
import { optionSets } from '../arguments/options.ts';
import type { Values } from '../arguments/values.ts';
import type { Command } from '../command.ts';
import { noteOf } from '../error-text.ts';
import { addressesOf } from '../input/addresses.ts';
import { brokerOf } from '../input/broker.ts';

export function declareCommand(configOf: (context: Context) => Promise<Config>): Command {
  return {
    name: 'declare',
    summary: 'declare on the broker what rascal.json defines',
    usage: '',
    options: optionSets.declare,
    group: 'Configuration',
    topic: 'configuration',
    examples: ['mq declare', 'mq declare --url amqp://admin:password@rabbit/shop', 'mq declare --json'],
    async run(context, values) {
      values.expectAtMost(0);
      const [config, addresses] = await Promise.all([configOf(context), addressesOf(context, values)]);
      await declare(context, values, { config, addresses });
    },
  };
}

const noteWithoutDeclaring =
  '"declare": false applies to roles; this command declares, and mq apply does the same after showing a plan';

interface Job {
  readonly config: Config;
  readonly addresses: ConnectionConfig[] | undefined;
}

async function declare(context: Context, values: Values, { config, addresses }: Job): Promise<void> {
  const [{ madeQueueConfigs }, { wantedTopology }] = await Promise.all([
    import('../../config/retry-queues.ts'),
    import('../../topology/wanted.ts'),
  ]);
  if (config.declare === false) noteOf(context, 'declare')(noteWithoutDeclaring);
  await declareAll(context, { config, addresses }, madeQueueConfigs(config));
  const places = Object.keys(config.vhosts).map((name) => ({ name, ...brokerOf(config, name, addresses) }));
  const all = places.flatMap(({ name, vhost, shown }) =>
    declaredIn(wantedTopology(config, name)).map((item) => ({ shown, item: { vhost, ...item } })),
  );
  // Vhosts of the file can be one vhost on the broker and share objects.
  const declared = [...new Map(all.map((one) => [JSON.stringify(one), one.item])).values()];
  if (values.flag('json')) for (const item of declared) context.stdout.write(`${safeJson(item)}\n`);
  else context.stdout.write(textOf(declared, [...new Set(places.map(({ shown, vhost }) => `${shown} ${vhost}`))]));
}

/** Declares the topology and the extra queues. Adds a hint to NOT_PERMITTED. */
async function declareAll(
  context: Context,
  { config, addresses }: Job,
  extra: Readonly<Record<string, Readonly<Record<string, QueueConfig>>>>,
): Promise<void> {
  const [{ Session }, { newCounts }] = await Promise.all([
    import('../../session/session.ts'),
    import('../../session/counts.ts'),
  ]);
  const note = noteOf(context, 'declare');
  const session = new Session({
    config,
    addresses,
    role: 'declare',
    confirmTimeoutMs: 30_000,
    say: ({ message }) => note(message),
    counts: newCounts(),
    signals: context,
  });
  try {
    await session.declareAll(extra);
  } catch (error) {
    if (!(error instanceof MqError) || error.code !== 'NOT_PERMITTED') throw error;
    const { hint = 'mq declare requires an account with the configure permission' } = error;
    throw new MqError(error.code, error.message, { hint, cause: error });
  } finally {
    await session.close();
  }
}

/** Returns one line for each item, and the totals. */
function textOf(items: readonly Declared[], brokers: readonly string[]): string {
  const lines = items.map((item) => lineOf(item, brokers.length > 1));
  const totals = (['exchange', 'queue', 'binding'] as const).map((kind) => {
    const count = items.filter((one) => one.declared === kind).length;
    return `${count} ${kind}${count === 1 ? '' : 's'}`;
  });
  return [...lines, `declared ${totals.join(', ')} at ${brokers.join(', ')}`]
    .map((line) => `${escaped(line)}\n`)
    .join('');
}

type Declared = { readonly vhost: string } & DeclaredObject;

type DeclaredObject =
  | { readonly declared: 'exchange'; readonly name: string; readonly type: string }
  | { readonly declared: 'queue'; readonly name: string; readonly type: string; readonly for?: string }
  | {
      readonly declared: 'binding';
      readonly source: string;
      readonly destination: string;
      readonly destinationType: string;
      readonly bindingKey: string;
    };

/** Returns what mq declares in a vhost, with the names on the broker. The queues for failed messages are last. */
function declaredIn({ exchanges, queues, bindings }: WantedTopology): DeclaredObject[] {
  const shared = queues.filter(({ exclusive, isDeclared }) => isDeclared && !exclusive).map(queueItem);
  return [
    ...exchanges
      .filter(({ isDeclared }) => isDeclared)
      .map(({ name, type }) => ({ declared: 'exchange' as const, name, type })),
    ...shared.filter((one) => one.for === undefined),
    ...bindings.map(({ source, destination, destinationType, key: bindingKey }) => {
      return { declared: 'binding' as const, source, destination, destinationType, bindingKey };
    }),
    ...shared.filter((one) => one.for !== undefined),
  ];
}

function queueItem({ name, type = 'classic', for: workQueue }: WantedQueue) {
  return { declared: 'queue' as const, name, type, ...(workQueue !== undefined && { for: workQueue }) };
}

function lineOf(item: Declared, hasVhosts: boolean): string {
  const where = hasVhosts ? ` in ${item.vhost}` : '';
  switch (item.declared) {
    case 'exchange':
      return `exchange ${item.name} (${item.type})${where}`;
    case 'queue':
      return `queue ${item.name} (${item.type}${item.for === undefined ? '' : `, for failed messages of ${item.for}`})${where}`;
    case 'binding':
      return `binding ${item.source} -> ${item.destination} (${item.bindingKey || 'no key'})${where}`;
  }
}
