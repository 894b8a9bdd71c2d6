// Makes sure that the exchanges and queues for delayed messages exist before the first one is published.

import { MqError } from '../../errors.ts';
import type { BrokerConnection } from '../connecting/broker-connection.ts';
import { isConnectionLoss } from '../failure.ts';
import { hintWithoutDeclaring } from './configure.ts';
import { Declarer } from './declarer.ts';

type Parameter<Method extends 'exchange' | 'queue' | 'bind'> = Parameters<Declarer[Method]>[0];

/** Objects with the broker's names, in the order in which they are declared. */
interface Objects {
  readonly exchanges: readonly Parameter<'exchange'>[];
  readonly queues: readonly Parameter<'queue'>[];
  readonly bindings: readonly Parameter<'bind'>[];
}

/** The objects that delayed messages to one destination need. */
export interface NeededForDelay {
  readonly destination: { readonly exchange: string; readonly routingKey: string };
  /** The objects that all destinations share. */
  readonly shared: Objects;
  /** The queue of the destination, and its binding. It is declared last, so it proves that the others exist. */
  readonly own: Objects;
}

interface DelayedSettings {
  readonly vhost: string;
  readonly redact: (text: string) => string;
  /** If `false`, everything must exist. */
  readonly declares: boolean;
}

/**
 * Declares what is needed, or checks that it exists. After a lost connection it begins again, because the broker may have
 * changed.
 * @throws MqError TOPOLOGY if nothing is declared and something is missing, and the error of a refused declaration
 */
export async function prepareDelay(
  connection: BrokerConnection,
  needed: NeededForDelay,
  settings: DelayedSettings,
): Promise<void> {
  for (let lost = 0; ; lost += 1) {
    const declarer = new Declarer(connection, settings);
    try {
      return await prepare(declarer, needed, settings.declares);
    } catch (error) {
      if (!(error instanceof MqError) || !isConnectionLoss(error) || lost > connection.addresses) throw error;
    } finally {
      declarer.close();
    }
  }
}

async function prepare(declarer: Declarer, { shared, own }: NeededForDelay, declares: boolean): Promise<void> {
  const missing = await firstMissing(declarer, own);
  if (!declares) {
    if (missing === undefined) return;
    const message = `the broker has no queue '${missing}', in which delayed messages wait`;
    throw new MqError('TOPOLOGY', message, { hint: hintWithoutDeclaring });
  }
  if (missing !== undefined) {
    await declareObjects(declarer, shared).catch(explain);
    for (const queue of own.queues) await declarer.queue(queue).catch(explain);
  }
  for (const binding of own.bindings) {
    await declarer.bind(binding).catch((error: unknown) => {
      // A user who may not bind relies on the user who has declared the queue and bound it.
      if (missing !== undefined || !(error instanceof MqError) || error.code !== 'NOT_PERMITTED') throw error;
    });
  }
}

/** Declares all objects. */
export async function declareObjects(declarer: Declarer, { exchanges, queues, bindings }: Objects): Promise<void> {
  for (const exchange of exchanges) await declarer.exchange(exchange);
  for (const queue of queues) await declarer.queue(queue);
  for (const binding of bindings) await declarer.bind(binding);
}

async function firstMissing(declarer: Declarer, { queues }: Objects): Promise<string | undefined> {
  for (const { name } of queues) if (!(await declarer.hasQueue(name))) return name;
  return undefined;
}

function explain(error: unknown): never {
  if (!(error instanceof MqError) || error.code !== 'NOT_PERMITTED') throw error;
  const hint = 'set "delay" for the publication (mq.publications), and run mq declare with an account that may declare';
  throw new MqError(error.code, error.message, { hint, cause: error });
}
