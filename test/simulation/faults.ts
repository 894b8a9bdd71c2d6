// The faults of the simulation. A plan names them, so that it stays plain data.

import { refused } from '../../src/broker/vhost/routed.ts';
import type { VirtualHost } from '../../src/broker/vhost/vhost.ts';
import { randomOf } from '../support/random.ts';
import { injectApiFault } from './api/faults.ts';
import { apiFaults } from './api/plan.ts';
import type { BrokerKind } from './broker.ts';
import { lanesOf } from './lanes.ts';
import type { PlannedFault } from './plan.ts';
import { rabbitmqFaults } from './rabbitmq/faults.ts';
import type { Simulation } from './simulation.ts';
import type { SimulatedSocket } from './world/socket.ts';

const startErrors = ['EAGAIN', 'EMFILE', 'ENFILE', 'ENOMEM', 'ENOENT'] as const;

/** A role has fewer effects than events. */
const mostEffects = 60;

type Undo = () => void;

/** Injects a fault, and returns the function that undoes it after its time. */
type Inject = (simulation: Simulation, fault: PlannedFault) => Undo | undefined;

const table = {
  /** All connections of a role are reset, as by a firewall. */
  'connections cut': (simulation, fault) => cut(simulation, fault, (sockets) => sockets),
  /** One connection of a role is reset. */
  'connection cut': (simulation, fault) =>
    cut(simulation, fault, (sockets) => (sockets.length > 0 ? [at(sockets, fault.target >> 4)] : [])),
  /** Packets between a client and the broker are lost, in one direction or in both. */
  'black hole': (simulation, { target }) => {
    const { network, broker } = simulation;
    const host = at(simulation.clientHosts, target);
    const brokerHost = at(broker.hosts, target);
    const ways = [
      [host, brokerHost],
      [brokerHost, host],
    ].slice(target % 3 === 0 ? 1 : 0, target % 3 === 1 ? 1 : 2) as [string, string][];
    for (const [from, to] of ways) network.hold(from, to, true);
    return () => {
      for (const [from, to] of ways) network.hold(from, to, false);
    };
  },
  /** The broker closes all connections, as the management API does. */
  'connections closed': (simulation) => {
    simulation.broker.run(({ connections }) => {
      for (const connection of [...connections]) connection.close('closed by a fault');
    });
    return undefined;
  },
  /** The broker blocks publishers, as at a memory alarm. */
  'publishers blocked': (simulation) => {
    const block = (isBlocked: boolean) =>
      simulation.broker.run(({ connections }) => {
        for (const connection of connections) connection.block(isBlocked);
      });
    block(true);
    return () => block(false);
  },
  /** The broker refuses messages (basic.nack), as a full queue with `reject-publish` does. */
  'publishes refused': refuse,
  /** The exchange has no binding for some time, so that the messages of publishers are returned. */
  'queue unbound': unbind,
  /** A role is killed, and started again after the time. */
  'role killed': (simulation, { target, events }) => simulation.endRole(target, events, 'SIGKILL'),
  /** A role is killed inside an event, before or after a write, a start of a program or a call of its handler. */
  'role killed at an effect': (simulation, { target, events }) => simulation.killAtEffect(target, events % mostEffects),
  /** A role receives SIGTERM, and another one is started after the time. */
  'role ended by SIGTERM': (simulation, { target, events }) => simulation.endRole(target, events, 'SIGTERM'),
  /** A role receives SIGTERM or SIGINT, and one or two more of them while it drains. */
  'role signalled again': (simulation, { target, events }) => simulation.signalRole(target, events),
  /** A role does nothing for some time, as after SIGSTOP. */
  'role frozen': (simulation, { target, holdMs }) => {
    const role = at(simulation.roles, target);
    role.freeze(holdMs);
    return undefined;
  },
  /** The machine of a role lacks descriptors, processes or memory, so that no program starts. */
  'programs cannot start': (simulation, { target, events }) => {
    const { process } = at(simulation.roles, target);
    if (!process) return undefined;
    process.startError = at(startErrors, events);
    return () => {
      process.startError = undefined;
    };
  },
  /** The system clock of a client is set forward or back. */
  'clock set': (simulation, { target }) => {
    at(simulation.roles, target).setClock((target - 500) * 100_000);
    return undefined;
  },
  /** The broker is killed, and started again. */
  'broker killed': (simulation, { events }) => {
    simulation.broker.end(events, { isPowerLoss: false });
    return undefined;
  },
  /** The machine of the broker loses power, and with it everything that was not synced. */
  'power lost': (simulation, { events }) => {
    simulation.broker.end(events, { isPowerLoss: true });
    return undefined;
  },
  /** The broker is killed, or its machine loses power, before or after a write to a socket or at a disk operation. */
  'broker ended at an effect': (simulation, { target, events }) => {
    simulation.broker.endAtEffect(events, {
      isPowerLoss: target % 2 === 0,
      when: target % 3 === 0 ? 'begun' : 'ended',
    });
    return undefined;
  },
  'broker frozen': ({ broker }, { holdMs }) => {
    broker.process?.freeze(holdMs);
    return undefined;
  },
  'disk full': ({ broker }, { events }) => {
    broker.diskBytes = 1000 + 50 * events;
    return () => {
      broker.diskBytes = Number.POSITIVE_INFINITY;
    };
  },
  /** An operation of the disk fails. */
  'disk error': ({ broker }, { target }) => {
    broker.nextError = at(['EIO', 'ENOSPC', 'EMFILE'], target);
    return undefined;
  },
  'disk slow': ({ broker }, { target }) => {
    broker.diskMs = at([100, 3000], target);
    return () => {
      broker.diskMs = 1;
    };
  },
} satisfies Record<string, Inject>;

/** The faults that need a broker with a store. */
const ofStores: ReadonlySet<string> = new Set([
  ...['broker killed', 'broker ended at an effect', 'power lost'],
  ...['disk full', 'disk error', 'disk slow'],
]);
/** The faults that need an embedded broker. The model of RabbitMQ has its own. */
const ofServers: ReadonlySet<string> = new Set([
  ...['connections closed', 'publishers blocked', 'broker frozen'],
  ...['publishes refused', 'queue unbound'],
]);

const ofClusters = new Map(rabbitmqFaults.map((fault) => [fault.name, fault]));

/** Returns the names of the faults that a broker of this kind can have. */
export function faultsOf(kind: BrokerKind): string[] {
  const names = Object.keys(table).filter((name) => kind === 'disk' || !ofStores.has(name));
  return kind === 'cluster' ? [...names.filter((name) => !ofServers.has(name)), ...ofClusters.keys()] : names;
}

/** Injects a fault, and undoes it after its time. */
export function inject(simulation: Simulation, planned: PlannedFault): void {
  const { world, broker } = simulation;
  world.trace.add(world.now, `fault: ${JSON.stringify(planned)}`);
  const apiFault = apiFaults.find((name) => name === planned.fault);
  if (apiFault) {
    world.later(planned.holdMs, injectApiFault(simulation, apiFault, planned.target));
    return;
  }
  const fault = ofClusters.get(planned.fault);
  if (fault === undefined || broker.cluster === undefined) {
    const inject: Inject | undefined = Object.entries(table).find(([name]) => name === planned.fault)?.[1];
    if (inject === undefined) throw new Error(`there is no fault '${planned.fault}'`);
    const undo = inject(simulation, planned);
    if (undo) world.later(planned.holdMs, undo);
    return;
  }
  const [shortest, longest] = fault.holdMs;
  const holdMs = Math.min(Math.max(planned.holdMs, shortest), longest);
  const undo = fault.inject(broker.cluster, randomOf(planned.target), holdMs);
  if (undo) world.later(holdMs, undo);
}

/** Resets chosen connections of a role after a number of its events. */
function cut(
  { roles, network, world }: Simulation,
  { target, events }: PlannedFault,
  choose: (sockets: readonly SimulatedSocket[]) => readonly SimulatedSocket[],
): undefined {
  const { process } = at(roles, target);
  if (process === undefined) return;
  world.afterEvents(process, events, () => {
    for (const socket of choose([...network.sockets].filter(({ owner }) => owner === process))) socket.cut();
  });
}

/** Refuses the messages of clients. A message that returns from a wait queue to its queue is not published by a client. */
function refuse(simulation: Simulation): Undo {
  const workQueues = new Set([...lanesOf(simulation.plan).map(({ queue }) => queue), 'rpc']);
  return change(simulation, (vhost, isActive) => {
    const deliver = vhost.deliver.bind(vhost);
    vhost.deliver = (message, queues) =>
      isActive() && !(message.exchange === '' && workQueues.has(message.routingKey))
        ? refused
        : deliver(message, queues);
  });
}

/** Routes the messages to the exchange `work` nowhere. A dead letter stays in its queue then, as after queue.unbind. */
function unbind(simulation: Simulation): Undo {
  return change(simulation, (vhost, isActive) => {
    const route = vhost.route.bind(vhost);
    vhost.route = (exchange, message) => (isActive() && exchange.name === 'work' ? [] : route(exchange, message));
  });
}

/** Changes each vhost of the broker. Returns the function that undoes it, also if another fault has changed it since. */
function change({ broker }: Simulation, apply: (vhost: VirtualHost, isActive: () => boolean) => void): Undo {
  let isActive = true;
  const changed: VirtualHost[] = [];
  // Publishers keep their routes until the version changes.
  const forgetRoutes = () => {
    for (const vhost of changed) vhost.version += 1;
  };
  broker.run(({ vhosts }) => {
    for (const vhost of vhosts.values()) {
      apply(vhost, () => isActive);
      changed.push(vhost);
    }
    forgetRoutes();
  });
  return () => {
    isActive = false;
    forgetRoutes();
  };
}

function at<T>(list: readonly T[], target: number): T {
  return list[target % list.length] as T;
}
