// Finds out which queues a user may declare, without creating one.

import { MqError } from '../../errors.ts';
import { pause } from '../../time.ts';
import type { Channel } from '../channel.ts';
import type { BrokerConnection } from '../connecting/broker-connection.ts';
import { endChannel } from '../consuming/channel-end.ts';
import { failureOf, isPermanent } from '../failure.ts';

/** Reply code of a refusal. `undefined` means success. AMQP 0-9-1, 1.1. */
type Refusal = number | undefined;
const [accessRefused, notFound] = [403, 404];
/**
 * Results that are answers: success, and the codes that close only the channel. Any other result means that the
 * connection was lost, and mq asks again on the next one.
 */
const answers: readonly Refusal[] = [undefined, accessRefused, notFound, 405, 406];
/** Milliseconds before the next connection is tried. */
const pauseMs = 500;
/** AMQP 0-9-1, 4.2.5.3: a short string has at most 255 bytes. */
const longestName = 255;

/**
 * Returns the queues that the user may not declare and that already exist.
 * @throws MqError NOT_PERMITTED with the queues that the user may not declare and that do not exist
 */
export async function existingOnly(
  { connection, vhost, redact }: Broker,
  queues: readonly string[],
): Promise<Set<string>> {
  const broker = { connection, vhost, redact };
  const refused = await namesWith(accessRefused, { ...broker, names: queues, ask: mayConfigure });
  const missing = await namesWith(notFound, { ...broker, names: refused, ask: exists });
  if (missing.length === 0) return new Set(refused);
  const names = missing.map((name) => `'${name}'`).join(', ');
  const [what, are] = missing.length === 1 ? ['queue', 'it does'] : ['queues', 'they do'];
  throw new MqError('NOT_PERMITTED', `the account may not declare the ${what} ${names}, and ${are} not exist`, {
    hint: 'mq sends failed messages there: run mq declare with an account that has the configure permission, or grant it',
  });
}

/**
 * Returns the queues if all of them exist. A queue that the user may not check counts as existing.
 * @throws MqError TOPOLOGY with the queues that do not exist
 */
export async function presentOnly(broker: Broker, queues: readonly string[]): Promise<Set<string>> {
  const [missing, ...others] = await namesWith(notFound, { ...broker, names: queues, ask: exists });
  if (missing === undefined) return new Set(queues);
  const more = others.length === 0 ? '' : ` and ${others.length} more queues`;
  throw new MqError('TOPOLOGY', `the broker has no queue '${missing}'${more} for failed messages`, {
    hint: hintWithoutDeclaring,
  });
}

/** Hint for a queue or exchange that is missing while roles declare nothing. */
export const hintWithoutDeclaring =
  'this role declares nothing: mq plan shows what is missing, and mq apply creates it';

function exists(channel: Channel, queue: string): Promise<Refusal> {
  return asked((next) => channel.checkQueue(queue, next));
}

/**
 * Checks whether the user may declare a name: declares an exchange with the name and deletes it at once. RabbitMQ: one
 * permission pattern applies to queues and exchanges, and it is checked before anything else. mq does not declare a
 * queue, because the broker might refuse it for another reason and log an error. Other clients cannot publish to the
 * exchange, because it is internal.
 */
async function mayConfigure(channel: Channel, name: string): Promise<Refusal> {
  // No user can declare a name that is too long. The error is reported when a message fails, and the role works until
  // then.
  if (Buffer.byteLength(name) > longestName) return undefined;
  const options = { durable: false, autoDelete: true, internal: true };
  const made = await asked((next) => channel.assertExchange(name, 'fanout', options, next));
  if (made === undefined) await asked((next) => channel.deleteExchange(name, { ifUnused: true }, next));
  return made;
}

interface Broker {
  readonly connection: BrokerConnection;
  readonly vhost: string;
  readonly redact: (text: string) => string;
}

interface Asking extends Broker {
  readonly names: readonly string[];
  readonly ask: (channel: Channel, name: string) => Promise<Refusal>;
}

/** Returns the names that are refused with the code. A refusal closes its channel. */
async function namesWith(code: number, { connection, vhost, redact, names, ask }: Asking): Promise<string[]> {
  const found: string[] = [];
  let channel: Channel | undefined;
  let lost = 0;
  for (const name of names) {
    let refusal: Refusal = Number.NaN;
    while (!answers.includes(refusal)) {
      try {
        channel ??= await openChannel(connection, vhost);
        // A node that is partitioned from the majority does not answer, so mq leaves it after a timeout.
        refusal = await connection.answered('a declaration', ask(channel, name));
        if (answers.includes(refusal)) break;
      } catch (error) {
        const failure = failureOf(error, redact);
        if (isPermanent(failure) || lost > connection.addresses) throw failure;
      }
      channel = undefined;
      lost += 1;
      // The result stays unknown. If a permission is missing, the error is reported when a message fails.
      if (lost > connection.addresses + 1) return found;
      await pause(pauseMs);
    }
    if (refusal === code) found.push(name);
    if (refusal !== undefined) channel = undefined;
  }
  if (channel) endChannel(channel);
  return found;
}

async function openChannel(connection: BrokerConnection, vhost: string): Promise<Channel> {
  const channel = await connection.channel(vhost);
  channel.on('error', () => undefined);
  return channel;
}

function asked(ask: (next: (error: unknown) => void) => void): Promise<Refusal> {
  return new Promise((resolve) => {
    ask((error) => resolve(error ? Number(Object(error).code) : undefined));
  });
}
