// Reads the facts of exchanges: from the management API where it answers, otherwise over AMQP.

import type { Management } from '../../admin/client.ts';
import { listOf, objectOf, stringOf } from '../../config/plain.ts';
import { type ErrorCode, MqError } from '../../errors.ts';
import type { ExchangeBinding, ExchangeFacts } from '../../session/tap.ts';

interface FactSources {
  /** `undefined` if no management API is used. */
  readonly api: Management | undefined;
  /** Name of the vhost on the broker. */
  readonly vhost: string;
  /** Reads the facts over AMQP. */
  readonly probe: (exchange: string) => Promise<ExchangeFacts>;
}

/** Codes of the errors after which AMQP is not asked. */
const finalCodes: readonly ErrorCode[] = ['TOPOLOGY', 'BUG', 'INTERRUPTED', 'TERMINATED'];

/** Returns the facts of an exchange. Throws TOPOLOGY if it does not exist, INTERRUPTED or TERMINATED after a signal. */
export async function factsOf(exchange: string, { api, vhost, probe }: FactSources): Promise<ExchangeFacts> {
  let reason = 'no management API answers';
  if (api !== undefined && exchange !== '') {
    try {
      return await factsFrom(api, vhost, exchange);
    } catch (error) {
      if (!(error instanceof MqError) || finalCodes.includes(error.code)) throw error;
      reason = error.message;
    }
  }
  const { unread, ...facts } = await probe(exchange);
  return unread === undefined ? facts : { ...facts, unread: `${unread} (${reason})` };
}

/**
 * Reports whether a policy makes a queue refuse messages when it is full, because a policy overrides the overflow of its
 * arguments. Returns `false` if the API does not tell.
 */
export async function refusesOverflow(api: Management, vhost: string, queue: string): Promise<boolean> {
  const { apiPath } = await import('../../admin/path.ts');
  const read = async (path: string) => objectOf(await api.request('GET', path).catch(() => undefined));
  // RabbitMQ: with statistics, the policy of a new queue is absent for some seconds.
  const item = await read(`${apiPath`/queues/${vhost}/${queue}`}?disable_stats=true&enable_queue_totals=true`);
  const policy = stringOf(item['policy']) ?? '';
  if (policy === '') return false;
  const { overflow } = objectOf((await read(apiPath`/policies/${vhost}/${policy}`))['definition']);
  return typeof overflow === 'string' && overflow.startsWith('reject');
}

async function factsFrom(api: Management, vhost: string, exchange: string): Promise<ExchangeFacts> {
  const { apiPath } = await import('../../admin/path.ts');
  const path = apiPath`/exchanges/${vhost}/${exchange}`;
  const answer = await api.ask('GET', path);
  if (answer.status === 404)
    throw new MqError('TOPOLOGY', `there is no exchange '${exchange}' in the vhost '${vhost}'`, {
      hint: 'mq apply creates the exchanges of rascal.json',
    });
  const item = objectOf(answer.status === 200 ? answer.body : await api.request('GET', path));
  const bindings = await bindingsFrom(api, vhost, `${path}/bindings/source`);
  const all = objectOf(item['arguments']);
  const policy = stringOf(item['policy']) ?? '';
  const settings = policy === '' ? {} : objectOf(await api.request('GET', apiPath`/policies/${vhost}/${policy}`));
  const type = stringOf(item['type']);
  return {
    name: exchange,
    // The delayed-message plugin routes like the type in the argument.
    type: type === 'x-delayed-message' ? (stringOf(all['x-delayed-type']) ?? type) : type,
    isAutoDelete: item['auto_delete'] === true,
    alternate:
      stringOf(all['alternate-exchange']) ?? stringOf(objectOf(settings['definition'])['alternate-exchange']) ?? null,
    bindings,
  };
}

/** Returns the bindings without those of other taps, because a tap is no reader that the messages are for. */
async function bindingsFrom(api: Management, vhost: string, path: string): Promise<ExchangeBinding[]> {
  const all = listOf(await api.request('GET', path)).map(objectOf);
  const mayBeTap = ({ destination_type, destination }: Readonly<Record<string, unknown>>) =>
    destination_type === 'queue' && stringOf(destination)?.startsWith('amq.gen-') === true;
  if (!all.some(mayBeTap)) return all.map(bindingOf);
  const { apiPath } = await import('../../admin/path.ts');
  const { isTapQueue } = await import('../../session/tap.ts');
  const columns = 'columns=name,exclusive,arguments&disable_stats=true&enable_queue_totals=true';
  const queues = listOf(await api.request('GET', `${apiPath`/queues/${vhost}`}?${columns}`)).map(objectOf);
  const taps = new Set(
    queues.flatMap(({ name, exclusive, arguments: own }) =>
      exclusive === true && isTapQueue(objectOf(own)) ? [name] : [],
    ),
  );
  return all.filter((one) => !(mayBeTap(one) && taps.has(one['destination']))).map(bindingOf);
}

function bindingOf({ destination_type, routing_key, arguments: all }: Readonly<Record<string, unknown>>) {
  return { key: stringOf(routing_key) ?? '', arguments: objectOf(all), isToQueue: destination_type === 'queue' };
}
