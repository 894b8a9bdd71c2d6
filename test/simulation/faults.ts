// The faults of the simulation. A plan names them, so that it stays plain data.

import type { PlannedFault } from './plan.ts';
import type { Simulation } from './simulation.ts';

const startErrors = ['EAGAIN', 'EMFILE', 'ENFILE', 'ENOMEM', 'ENOENT'] as const;

type Undo = () => void;

/** Injects a fault, and returns the function that undoes it after its time. */
type Inject = (simulation: Simulation, fault: PlannedFault) => Undo | undefined;

const table = {
  /** All connections of one machine are reset, as by a firewall. */
  'connections cut': (simulation, { target }) => {
    const { sockets } = simulation.network;
    const host = at(simulation.clientHosts, target);
    for (const socket of [...sockets]) if (socket.owner?.host === host) socket.cut();
    return undefined;
  },
  /** One connection is reset. */
  'connection cut': (simulation, { target }) => {
    const open = [...simulation.network.sockets].filter((socket) => !socket.connecting);
    if (open.length > 0) at(open, target).cut();
    return undefined;
  },
  /** Packets between a client and the broker are lost, in one direction or in both. */
  'black hole': (simulation, { target }) => {
    const { network, brokerHost } = simulation;
    const host = at(simulation.clientHosts, target);
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
    simulation.closeConnections();
    return undefined;
  },
  /** The broker blocks publishers, as at a memory alarm. */
  'publishers blocked': (simulation) => {
    simulation.block(true);
    return () => simulation.block(false);
  },
  /** A role is killed, and started again after the time. */
  'role killed': (simulation, { target, events }) => simulation.endRole(target, events, 'SIGKILL'),
  /** A role receives SIGTERM, and another one is started after the time. */
  'role ended by SIGTERM': (simulation, { target, events }) => simulation.endRole(target, events, 'SIGTERM'),
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
} satisfies Record<string, Inject>;

export type FaultName = keyof typeof table;

// Object.keys returns strings, and this table has no other keys.
export const faultNames = Object.keys(table) as FaultName[];

export function inject(simulation: Simulation, fault: PlannedFault): Undo | undefined {
  const run: Inject = table[fault.fault];
  return run(simulation, fault);
}

function at<T>(list: readonly T[], target: number): T {
  return list[target % list.length] as T;
}
