// What a client or the management declares in a virtual host.

import type { Arguments } from '../codec/arguments.ts';

export interface ExchangeDeclaration {
  readonly exchange: string;
  readonly type: string;
  readonly durable: boolean;
  readonly autoDelete: boolean;
  readonly internal: boolean;
  readonly arguments: Arguments;
}

export interface QueueDeclaration {
  readonly queue: string;
  readonly durable: boolean;
  readonly exclusive: boolean;
  readonly autoDelete: boolean;
  readonly arguments: Arguments;
}

/** One binding, by names. `isQueue`: the destination is a queue, else it is an exchange. */
export interface BindingDeclaration {
  readonly source: string;
  readonly destination: string;
  readonly isQueue: boolean;
  readonly routingKey: string;
  readonly arguments: Arguments;
}

export interface VhostMetadata {
  readonly description: string;
  readonly tags: readonly string[];
  /** Of durable queues that are declared without a type. */
  readonly defaultQueueType: 'classic' | 'quorum';
  /** `max-connections`, `max-queues`; a negative number means no limit. */
  readonly limits: Readonly<Record<string, number>>;
  /** RabbitMQ 4.3: it cannot be deleted. */
  readonly isProtected: boolean;
}

/** RabbitMQ: the default type is for queues that every type can be. */
export function withDefaultType(wanted: QueueDeclaration, type: VhostMetadata['defaultQueueType']): QueueDeclaration {
  const { queue, durable, exclusive, autoDelete, arguments: all } = wanted;
  const canBeQuorum = queue !== '' && durable && !exclusive && !autoDelete;
  if (type === 'classic' || !canBeQuorum || all.get('x-queue-type') !== undefined) return wanted;
  return { ...wanted, arguments: all.with('x-queue-type', type) };
}
