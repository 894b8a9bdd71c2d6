// Declarations of exchanges, queues and bindings, as a client or the management API sends them.

import type { Arguments } from '../codec/arguments.ts';
import type { QueueType } from '../queue/arguments.ts';

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
  /** The folder of an existing stream in the store. */
  readonly logFolder?: string | undefined;
}

export interface BindingDeclaration {
  readonly source: string;
  readonly destination: string;
  /** True if the destination is a queue, false if it is an exchange. */
  readonly isQueue: boolean;
  readonly routingKey: string;
  readonly arguments: Arguments;
}

export interface VhostMetadata {
  readonly description: string;
  readonly tags: readonly string[];
  /** The type of durable queues that are declared without a type. */
  readonly defaultQueueType: QueueType;
  /** `max-connections`, `max-queues`; a negative number means no limit. */
  readonly limits: Readonly<Record<string, number>>;
  /** RabbitMQ 4.3: a protected virtual host cannot be deleted. */
  readonly isProtected: boolean;
}

/**
 * Returns the declaration with the default type of the virtual host. RabbitMQ: the default type does not apply to
 * queues that can only be classic.
 */
export function withDefaultType(
  declaration: QueueDeclaration,
  type: VhostMetadata['defaultQueueType'],
): QueueDeclaration {
  const { queue, durable, exclusive, autoDelete, arguments: all } = declaration;
  const canBeReplicated = queue !== '' && durable && !exclusive && !autoDelete;
  if (type === 'classic' || !canBeReplicated || all.get('x-queue-type') !== undefined) return declaration;
  return { ...declaration, arguments: all.with('x-queue-type', type) };
}
