// The action that compares the depth and the consumers of a queue with limits.

import { escaped, MqError } from '../../errors.ts';
import { type Action, type Call, type Result, vhostOf } from '../action.ts';
import { withoutStatistics } from '../depths.ts';
import { type ApiObject, objectIn } from '../json.ts';
import { query } from '../path.ts';
import { pathOf, sendAction } from '../request.ts';

/** RabbitMQ: states in which the counts of a queue are not known. AMQP reports such a queue as empty. */
const unknownStates = ['down', 'stopped', 'crashed', 'minority', 'terminated'];

export const queueCheckAction: Action = {
  verb: 'check',
  noun: 'queue',
  summary: 'fail if a queue is too long or has too few consumers',
  details:
    'Exits with 1 if a limit is exceeded. Ready messages and consumers are exact over AMQP; unacknowledged messages of a quorum queue are up to 5 s old. All counts of a stream are up to 5 s old.',
  args: [{ name: 'queue' }],
  exampleOptions: '--max-ready 1000 --min-consumers 1',
  options: ['max-ready', 'max-unacked', 'min-consumers'],
  isInVhost: true,
  isLine: true,
  request: 'GET /queues/:vhost/:queue',
  run: checkQueue,
};

interface Seen {
  readonly ready: number;
  readonly unacknowledged: number;
  readonly consumers: number;
}

async function checkQueue(call: Call): Promise<Result> {
  const limits = [
    { option: 'max-ready', field: 'ready' },
    { option: 'max-unacked', field: 'unacknowledged' },
    { option: 'min-consumers', field: 'consumers' },
  ] as const;
  const given = limits.map((one) => ({ ...one, limit: call.whole(one.option, { min: 0 }) }));
  if (given.every(({ limit }) => limit === undefined))
    throw call.usage('no limit is given: --max-ready, --max-unacked or --min-consumers');
  const seen = await countsOf(call);
  const failed = given.flatMap(({ option, field, limit }) => {
    if (limit === undefined) return [];
    const isExceeded = option.startsWith('max') ? seen[field] > limit : seen[field] < limit;
    return isExceeded ? [option] : [];
  });
  const parts = given.map(({ option, field, limit }) => {
    const bound = limit === undefined ? '' : ` (${option.slice(0, 3)} ${limit})`;
    return `${seen[field]} ${field === 'consumers' && seen[field] === 1 ? 'consumer' : field}${bound}`;
  });
  const [queue, vhost, ok] = [call.arg('queue'), vhostOf(call), failed.length === 0];
  return {
    kind: 'done',
    line: `${ok ? 'ok' : 'failed'}: queue ${escaped(queue)} in vhost ${escaped(vhost)}: ${parts.join(', ')}`,
    item: { vhost, queue, ok, ...seen, failed },
    status: ok ? 0 : 1,
  };
}

/** Returns the counts. Throws UNAVAILABLE if the broker does not report them. */
async function countsOf(call: Call): Promise<Seen> {
  const [vhost, queue] = [vhostOf(call), call.arg('queue')];
  const item = objectIn((await sendAction(call, { path: pathOf(call) + query(withoutStatistics) })).body);
  const { state } = item;
  if (unknownStates.includes(String(state)))
    throw new MqError('UNAVAILABLE', `the counts of the queue '${queue}' are not known: its state is ${state}`);
  const isStream = item['type'] === 'stream';
  // RabbitMQ: a passive declaration counts neither the consumers of a stream nor its newest messages.
  // biome-ignore lint/nursery/useAwaitThenable: the rule does not follow the type of an optional function
  const exact = isStream ? undefined : (await call.depths?.(vhost, [queue]))?.get(queue);
  if (isStream) call.say('the counts may be up to 5 s old, because the queue is a stream');
  else if (exact === undefined)
    call.say('ready messages and consumers may be up to 5 s old, because they could not be read over AMQP');
  const needsStatistics = exact === undefined || item['messages_unacknowledged'] === undefined;
  const counts = { ...(needsStatistics && (await statisticsOf(call))), ...item };
  const ready = exact?.ready ?? counts['messages_ready'];
  const consumers = exact?.consumers ?? counts['consumers'];
  const unacknowledged = counts['messages_unacknowledged'];
  if (typeof ready !== 'number' || typeof unacknowledged !== 'number' || typeof consumers !== 'number')
    throw new MqError('UNAVAILABLE', `the broker does not report the counts of the queue '${queue}' yet`, {
      hint: 'RabbitMQ counts the messages of a new queue after up to 5 s',
    });
  return { ready, unacknowledged, consumers };
}

async function statisticsOf(call: Call): Promise<ApiObject> {
  const columns = query({ columns: 'consumers,messages_ready,messages_unacknowledged' });
  return objectIn((await sendAction(call, { path: pathOf(call) + columns })).body);
}
