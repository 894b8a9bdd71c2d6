// Finds missing exchanges and queues over AMQP alone, with passive declarations, which create nothing. What AMQP does not
// show is taken from rascal.json, so that it is no difference; the plan lists what was not compared.

import type { Config, ConnectionConfig } from '../../../config/config.ts';
import type { Context } from '../../../context.ts';
import type { Observer } from '../../../session/observer.ts';
import type { Session } from '../../../session/session.ts';
import type { Topology, TopologyBinding } from '../../../topology/topology.ts';
import type { WantedTopology } from '../../../topology/wanted.ts';
import { noteOf } from '../../error-text.ts';
import { type FoundVhost, type PlannedVhost, placeOf, wantedIn } from './found.ts';

interface Settings {
  readonly config: Config;
  readonly addresses: ConnectionConfig[] | undefined;
}

/** Checks the vhosts one after the other. Throws the errors of a role that cannot connect. */
export async function amqpTopologies(
  context: Context,
  vhosts: readonly PlannedVhost[],
  settings: Settings,
): Promise<FoundVhost[]> {
  const session = await sessionOf(context, settings);
  const found: FoundVhost[] = [];
  try {
    for (const planned of vhosts) {
      const wanted = await wantedIn(planned);
      const topology = await visibleTopology(await session.observer(planned.names[0]), wanted);
      found.push({ ...placeOf(planned), wanted, topology });
    }
  } finally {
    await session.close();
  }
  return found;
}

async function sessionOf(context: Context, { config, addresses }: Settings): Promise<Session> {
  const [{ Session }, { newCounts }] = await Promise.all([
    import('../../../session/session.ts'),
    import('../../../session/counts.ts'),
  ]);
  const note = noteOf(context, 'plan');
  return new Session({
    config,
    addresses,
    role: 'plan',
    confirmTimeoutMs: 30_000,
    // A lost connection ends the run with an error.
    say: ({ event, message }) => {
      if (event !== 'lost' && event !== 'connected') note(message);
    },
    counts: newCounts(),
    signals: context,
  });
}

/** Returns the wanted topology without missing exchanges and queues, and without the bindings that they cannot have. */
async function visibleTopology(observer: Observer, wanted: WantedTopology): Promise<Topology> {
  const missing = new Set<string>();
  const locked = new Set<string>();
  const check = async (kind: 'queue' | 'exchange', name: string) => {
    const presence = await observer.presence(kind, name);
    if (presence === 'missing') missing.add(`${kind} ${name}`);
    if (presence === 'exclusive') locked.add(name);
  };
  for (const { name } of wanted.exchanges) await check('exchange', name);
  // A role declares its exclusive queue when it connects.
  for (const { name, exclusive } of wanted.queues) if (!exclusive) await check('queue', name);
  const isBound = ({ source, destination, destinationType }: TopologyBinding) =>
    !missing.has(`exchange ${source}`) && !missing.has(`${destinationType} ${destination}`);
  return {
    exchanges: wanted.exchanges.filter(({ name }) => !missing.has(`exchange ${name}`)),
    queues: wanted.queues
      .filter(({ name }) => !missing.has(`queue ${name}`))
      .map((one) => ({ ...one, type: one.type ?? 'classic', exclusive: locked.has(one.name) || one.exclusive })),
    bindings: wanted.bindings.filter(isBound),
    policies: wanted.policies,
    operatorPolicies: wanted.operatorPolicies,
  };
}
