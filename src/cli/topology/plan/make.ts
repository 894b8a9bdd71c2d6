// Makes the plan: reads the topology of the broker or of exported definitions, and compares it with rascal.json.

import type { Config, ConnectionConfig } from '../../../config/config.ts';
import type { Context } from '../../../context.ts';
import type { Comparison } from '../../../topology/difference.ts';
import type { Values } from '../../arguments/values.ts';
import { addressesOf } from '../../input/addresses.ts';
import { amqpTopologies } from './amqp.ts';
import { exportedTopologies, type FoundVhost, liveTopologies, vhostsOf } from './found.ts';
import type { Plan } from './plan-document.ts';

export interface MadePlan {
  readonly plan: Plan;
  readonly vhosts: readonly (FoundVhost & Comparison)[];
  /** Addresses of the command line. If `undefined`, those of rascal.json are used. */
  readonly addresses: ConnectionConfig[] | undefined;
}

/** Returns the plan of --against, or else of the broker. Throws the errors of found.ts. */
export async function makePlan(context: Context, values: Values, config: Config): Promise<MadePlan> {
  const against = values.name('against');
  const isLive = against === undefined;
  const addresses = isLive ? await addressesOf(context, values) : undefined;
  const planned = vhostsOf(config, addresses);
  const isAmqpOnly = values.flag('amqp-only') === true;
  const found = !isLive
    ? await exportedTopologies(context, planned, against)
    : isAmqpOnly
      ? await amqpTopologies(context, planned, { config, addresses })
      : await liveTopologies(context, values, planned);
  const [{ compareTopology }, { holdingName, unfinishedReplacements }] = await Promise.all([
    import('../../../topology/compare.ts'),
    import('../../../topology/replace-names.ts'),
  ]);
  const vhosts = found.map((one) => ({ ...one, ...compareTopology(one.wanted, one.topology) }));
  const differences = vhosts.flatMap(({ vhost, name, differences: all }) =>
    all.map((one) => ({ vhost, ...(one.policy !== undefined && { fileVhost: name }), ...one })),
  );
  const count = (action: string) => differences.filter((one) => one.action === action).length;
  const plan = {
    file: config.file ?? null,
    against: against ?? [...new Set(vhosts.map(({ shown }) => shown))].join(', '),
    source: !isLive ? ('definitions' as const) : isAmqpOnly ? ('amqp' as const) : ('broker' as const),
    notCompared: isAmqpOnly ? invisible : [],
    vhosts: vhosts.map(({ vhost }) => vhost),
    merged: vhosts.filter(({ names }) => names.length > 1).map(({ vhost, names }) => ({ vhost, names })),
    create: count('create'),
    update: count('update'),
    replace: count('replace'),
    blocked: count('blocked'),
    delete: count('delete'),
    differences,
    unfinished: vhosts.flatMap(({ vhost, wanted, topology }) =>
      unfinishedReplacements(wanted, topology).map((queue) => ({ vhost, queue, holding: holdingName(queue) })),
    ),
    others: vhosts.map(({ vhost, others }) => ({ vhost, ...others })),
  };
  return { plan, vhosts, addresses };
}

/** Parts of a topology that AMQP does not show without a change of the broker. */
const invisible: readonly string[] = [
  'the attributes of existing objects',
  'the bindings between them',
  'policies',
  'objects that rascal.json does not define',
];
