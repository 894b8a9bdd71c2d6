// Reads the facts of an exchange over AMQP, for a broker whose management API is not available. A declaration that
// differs from an existing exchange changes nothing, and its refusal (406) names the first difference.

import type { ErrorCode, MqError } from '../../errors.ts';
import type { BrokerConnection } from '../connecting/broker-connection.ts';
import { endChannel } from '../consuming/channel-end.ts';
import { failureOf } from '../failure.ts';
import { promised } from '../promised.ts';
import type { ExchangeFacts } from './tap-verdict.ts';

interface ProbeSettings {
  readonly vhost: string;
  readonly redact: (text: string) => string;
}

interface Declaration {
  type: string;
  durable: boolean;
  autoDelete: boolean;
  internal: boolean;
  alternate: string | null;
}

/** The types of the exchanges that every vhost has (AMQP 0-9-1, 3.1.3). Their names cannot be declared. */
const predeclared: Readonly<Record<string, string>> = {
  'amq.direct': 'direct',
  'amq.fanout': 'fanout',
  'amq.topic': 'topic',
  'amq.headers': 'headers',
  'amq.match': 'headers',
  'amq.rabbitmq.trace': 'topic',
};
// RabbitMQ quotes a type with a hyphen twice, because it is an Erlang atom.
const difference = /inequivalent arg '([\w-]+)' for exchange .*?: received .*? but current is (?:.*?'+([^']*)')?/s;
/** A declaration differs from an exchange in at most five facts. */
const mostTries = 8;

/**
 * Returns the facts of an exchange. AMQP reports neither the bindings nor the policies.
 * @throws MqError TOPOLOGY if the exchange does not exist
 */
export async function probeExchange(
  connection: BrokerConnection,
  name: string,
  settings: ProbeSettings,
): Promise<ExchangeFacts> {
  const unread = 'the bindings and policies';
  if (name === '') return { name, type: 'direct', isAutoDelete: false, alternate: null, bindings: undefined };
  const passive = await refusalOf(connection, settings, (channel, next) => channel.checkExchange(name, next));
  if (passive) throw passive;
  const known = predeclared[name];
  if (known !== undefined)
    return { name, type: known, isAutoDelete: false, alternate: undefined, bindings: undefined, unread };
  // If the exchange disappears at this moment, the declaration creates one that disappears with the tap.
  const guess: Declaration = { type: 'topic', durable: true, autoDelete: true, internal: false, alternate: null };
  for (let tries = 0; tries < mostTries; tries += 1) {
    const refusal = await refusalOf(connection, settings, (channel, next) =>
      channel.assertExchange(name, guess.type, optionsOf(guess), next),
    );
    if (refusal === undefined) {
      const { type, autoDelete: isAutoDelete, alternate } = guess;
      // A policy can set an alternate exchange as well.
      return { name, type, isAutoDelete, alternate: alternate ?? undefined, bindings: undefined, unread };
    }
    if (!corrected(guess, refusal)) break;
  }
  return {
    name,
    type: undefined,
    isAutoDelete: undefined,
    alternate: undefined,
    bindings: undefined,
    unread: `the type, ${unread.slice(4)}`,
  };
}

function optionsOf({ durable, autoDelete, internal, alternate }: Declaration) {
  return { durable, autoDelete, internal, ...(alternate !== null && { alternateExchange: alternate }) };
}

/** Changes the declaration to what the broker has. Returns `false` if the refusal names no difference. */
function corrected(guess: Declaration, { cause }: MqError): boolean {
  const [, field, value = ''] = difference.exec(cause instanceof Error ? cause.message : '') ?? [];
  if (field === 'type') guess.type = value;
  else if (field === 'durable') guess.durable = value === 'true';
  else if (field === 'auto_delete') guess.autoDelete = value === 'true';
  else if (field === 'internal') guess.internal = value === 'true';
  else if (field === 'alternate-exchange') guess.alternate = value;
  else return false;
  return true;
}

type Ask = (channel: Awaited<ReturnType<BrokerConnection['channel']>>, next: (error: Error | null) => void) => void;

/** Sends one method on a channel of its own. Returns the refusal, which closes the channel (AMQP 0-9-1, 1.2.1). */
async function refusalOf(
  connection: BrokerConnection,
  { vhost, redact }: ProbeSettings,
  ask: Ask,
): Promise<MqError | undefined> {
  const channel = await connection.channel(vhost);
  let cause: Error | undefined;
  channel.on('error', (error: Error) => {
    cause = error;
  });
  const closed = new Promise<void>((resolve) => channel.once('close', () => resolve()));
  try {
    await promised<unknown>((next) => ask(channel, (error) => next(error, undefined)));
    endChannel(channel);
    return undefined;
  } catch (error) {
    // amqplib answers the pending call before the error event, which contains the reason. It throws if the channel closed
    // before the listener was added, so that no event follows.
    if (!(error instanceof Error && error.name === 'IllegalOperationError')) await closed;
    const failure = failureOf(cause ?? error, redact);
    if (!refusals.includes(failure.code)) throw failure;
    return failure;
  }
}

const refusals: readonly ErrorCode[] = ['TOPOLOGY', 'NOT_PERMITTED', 'CONFIG'];
