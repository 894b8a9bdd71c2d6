// The faults of RabbitMQ that its clients can observe. Each one names where its behaviour was measured or is documented.

import type { Random } from '../../support/random.ts';
import type { RelayedChannel } from './channel.ts';
import type { Cluster, Node } from './cluster.ts';

export interface RabbitmqFault {
  readonly name: string;
  /** Shortest and longest useful time between the injection and its end, in milliseconds. */
  readonly holdMs: readonly [shortest: number, longest: number];
  /** Returns the function that ends the fault after `holdMs`. `undefined` for a fault that is over at once. */
  inject(cluster: Cluster, random: Random, holdMs: number): (() => void) | undefined;
}

const timedOut = (channel: number) =>
  `PRECONDITION_FAILED - delivery acknowledgement on channel ${channel} timed out. Timeout value used: 1800000 ms.`;

export const rabbitmqFaults: readonly RabbitmqFault[] = [
  {
    // faults.md, "leader's node killed": the kernel resets or ends the connections, and refuses new ones.
    name: 'node killed',
    holdMs: [1000, 60_000],
    inject: (cluster, random) => {
      const node = busyNode(cluster, random);
      node.kill();
      return () => node.start();
    },
  },
  {
    // A machine without power answers nothing. After its restart, its kernel resets the old connections.
    name: 'machine switched off',
    holdMs: [1000, 120_000],
    inject: (cluster, random, holdMs) => {
      const node = busyNode(cluster, random);
      const machine = cluster.network.hosts.get(node.name);
      if (machine) machine.isUp = false;
      node.freeze(holdMs + 1);
      return () => {
        if (machine) machine.isUp = true;
        node.kill();
        node.start();
      };
    },
  },
  {
    // faults.md, "leader's node paused": nothing passes and nothing is closed. Then everything continues.
    name: 'node paused',
    holdMs: [100, 60_000],
    inject: (cluster, random, holdMs) => {
      busyNode(cluster, random).freeze(holdMs);
      return undefined;
    },
  },
  {
    // reconnecting.md: packets between clients and a node are lost, in one direction or in both.
    name: 'node cut off from its clients',
    holdMs: [100, 120_000],
    inject: (cluster, random) => {
      const { name } = busyNode(cluster, random);
      const ways = cluster.clientHosts.flatMap((host) => [
        { from: host, to: name },
        { from: name, to: host },
      ]);
      const lost = random.pick([ways, ways.filter(({ to }) => to === name), ways.filter(({ from }) => from === name)]);
      for (const { from, to } of lost) cluster.network.hold(from, to, true);
      return () => {
        for (const { from, to } of lost) cluster.network.hold(from, to, false);
      };
    },
  },
  {
    // Decision 6: the node keeps its clients, and confirms and delivers nothing. Then it finds the other nodes again.
    name: 'node in the minority',
    holdMs: [1000, 120_000],
    inject: (cluster, random) => {
      const node = busyNode(cluster, random);
      separate(node, random);
      return () => heal(node);
    },
  },
  {
    // Decision 6: instead of an answer, the clients receive connection.close (a restart of the node).
    name: 'node in the minority closes its connections',
    holdMs: [1000, 60_000],
    inject: (cluster, random) => {
      const node = busyNode(cluster, random);
      separate(node, random);
      return () => {
        node.do(() => closeAll(node, "broker forced connection closure with reason 'shutdown'"));
        heal(node);
      };
    },
  },
  {
    // Decision 6: with pause_minority, a node of 4.0 closes its connections and its listeners after 10 s.
    name: 'node in the minority pauses itself',
    holdMs: [15_000, 60_000],
    inject: (cluster, random) => {
      const node = busyNode(cluster, random);
      separate(node, random);
      cluster.network.world.later(10_000, () => node.kill());
      return () => node.start();
    },
  },
  {
    // Measured with quorum queues: a commit waits for the disks of the majority. Confirms can come in any order.
    name: 'late confirms',
    holdMs: [1000, 30_000],
    inject: (cluster, random) => {
      const lateConfirms = { minMs: 5, maxMs: random.pick([20, 500, 8000]), isShuffled: random.chance(0.5) };
      for (const { conditions } of cluster.nodes) conditions.lateConfirms = lateConfirms;
      return () => {
        for (const { conditions } of cluster.nodes) conditions.lateConfirms = undefined;
      };
    },
  },
  {
    // trap 7 of Rascal, and `overflow: reject-publish`: a full queue refuses publishes with a nack.
    name: 'publishes refused',
    holdMs: [100, 10_000],
    inject: (cluster, random) => {
      for (const { conditions } of cluster.nodes) conditions.refusals = 1 + random.below(5);
      return () => {
        for (const { conditions } of cluster.nodes) conditions.refusals = 0;
      };
    },
  },
  {
    // https://www.rabbitmq.com/docs/confirms: a nack does not exclude that a queue has the message.
    name: 'enqueued publishes nacked',
    holdMs: [100, 10_000],
    inject: (cluster, random) => {
      for (const { conditions } of cluster.nodes) conditions.nacks = 1 + random.below(5);
      return () => {
        for (const { conditions } of cluster.nodes) conditions.nacks = 0;
      };
    },
  },
  {
    // faults.md, "consumers cancelled by the broker": the node of a classic queue or all members of a quorum queue stop.
    name: 'consumers cancelled',
    holdMs: [0, 0],
    inject: (cluster, random) => {
      const isOne = random.chance(0.5);
      each(cluster, (channel) => {
        for (const tag of [...channel.consumers.keys()]) if (!isOne || random.chance(0.5)) channel.cancel(tag);
      });
      return undefined;
    },
  },
  {
    // reconnecting.md: the broker no longer has the consumer, and has not sent basic.cancel.
    name: 'consumers forgotten',
    holdMs: [0, 0],
    inject: (cluster, random) => {
      const isOne = random.chance(0.5);
      each(cluster, (channel) => {
        for (const tag of [...channel.consumers.keys()]) if (!isOne || random.chance(0.5)) channel.forget(tag);
      });
      return undefined;
    },
  },
  {
    // faults.md, "leader's node cut off": the new leader of a quorum queue returns messages of consumers on lost nodes. They are
    // delivered again, and RabbitMQ ignores the settlement of the first delivery.
    name: 'leader changed',
    holdMs: [100, 5000],
    inject: (cluster, random) => {
      const late = { minMs: 100, maxMs: 3000, isShuffled: true };
      for (const { conditions } of cluster.nodes) conditions.lateConfirms ??= late;
      eachNode(cluster, (node) => {
        if (random.chance(0.3)) return;
        for (const channel of channelsOf(node))
          channel.returnUnsettled(({ queue }) => channel.typeOf(queue) === 'quorum');
      });
      return () => {
        for (const { conditions } of cluster.nodes)
          if (conditions.lateConfirms === late) conditions.lateConfirms = undefined;
      };
    },
  },
  {
    // Trap 7: a memory alarm blocks publishing connections, by TCP back-pressure. Consumers continue.
    name: 'memory alarm',
    holdMs: [100, 300_000],
    inject: (cluster) => {
      for (const { conditions } of cluster.nodes) conditions.isAlarmed = true;
      return () => {
        for (const node of cluster.nodes) {
          node.conditions.isAlarmed = false;
          node.do(() => {
            for (const connection of node.connections) connection.unblock();
          });
        }
      };
    },
  },
  {
    // faults.md, "connections closed by management".
    name: 'connections closed by management',
    holdMs: [0, 0],
    inject: (cluster) => {
      eachNode(cluster, (node) => closeAll(node, 'Closed via management plugin'));
      return undefined;
    },
  },
  {
    // rabbitmq-upgrade drain: the node refuses new connections and closes the others. faults.md, "rolling restart".
    name: 'node drained',
    holdMs: [1000, 60_000],
    inject: (cluster, random) => {
      const node = busyNode(cluster, random);
      node.do(() => {
        node.stopListening();
        closeAll(node, 'Node was put into maintenance mode');
      });
      return () => node.do(() => node.listen());
    },
  },
  {
    // Trap 6: RabbitMQ 4.0 closes the channel with 406 after the consumer timeout, and returns all its messages.
    name: 'consumer timeout of 4.0',
    holdMs: [0, 0],
    inject: (cluster) => {
      each(cluster, (channel) => {
        if (channel.deliveries.has(({ consumerTag }) => consumerTag !== undefined))
          channel.close(406, timedOut(channel.number));
      });
      return undefined;
    },
  },
  {
    // Trap 6: RabbitMQ 4.3 cancels the consumer after the consumer timeout, on quorum queues only.
    name: 'consumer timeout of 4.3',
    holdMs: [0, 0],
    inject: (cluster) => {
      each(cluster, (channel) => {
        for (const [tag, { fields }] of [...channel.consumers])
          if (
            channel.typeOf(fields.queue) === 'quorum' &&
            channel.deliveries.has(({ consumerTag }) => consumerTag === tag)
          )
            channel.cancel(tag);
      });
      return undefined;
    },
  },
];

/** Returns a node that has clients, if there is one. */
function busyNode({ nodes }: Cluster, random: Random): Node {
  const busy = nodes.filter(({ connections }) => connections.size > 0);
  return random.pick(busy.length > 0 ? busy : nodes);
}

/** Cuts a node off from the others. They may return the messages of its consumers and serve other consumers. */
function separate(node: Node, random: Random): void {
  const areReturned = random.chance(0.5);
  node.conditions.minority = { reportsEmpty: random.chance(0.5) };
  if (!areReturned) return;
  node.do(() => {
    for (const channel of channelsOf(node))
      for (const [tag, { fields }] of channel.consumers)
        if (channel.typeOf(fields.queue) === 'quorum') channel.suspend(tag);
  });
}

function heal(node: Node): void {
  node.do(() => {
    node.conditions.minority = undefined;
    for (const connection of node.connections) connection.heal();
  });
}

function closeAll(node: Node, reason: string): void {
  for (const connection of [...node.connections]) connection.close(reason);
}

function channelsOf(node: Node): RelayedChannel[] {
  return [...node.connections].flatMap(({ channels }) => [...channels.values()]);
}

/** Calls `run` as each node. */
function eachNode({ nodes }: Cluster, run: (node: Node) => void): void {
  for (const node of nodes) node.do(() => run(node));
}

function each(cluster: Cluster, run: (channel: RelayedChannel) => void): void {
  eachNode(cluster, (node) => {
    for (const channel of channelsOf(node)) run(channel);
  });
}
