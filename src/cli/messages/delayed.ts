// mq delayed: lists the messages that arrive later, and cancels some of them.

import { type CheckedConfig, configFor } from '../../config/config.ts';
import type { Context } from '../../context.ts';
import { escaped, MqError } from '../../errors.ts';
import type { DelayedMessage, listDelayed } from '../../roles/delayed.ts';
import type { Session } from '../../session/session.ts';
import { time } from '../../time.ts';
import { delayedOptions, delayedVerbOptions } from '../arguments/delayed-options.ts';
import type { Values } from '../arguments/values.ts';
import type { Command } from '../command.ts';
import { noteOf } from '../error-text.ts';
import { addressesOf } from '../input/addresses.ts';
import { openSession } from './session.ts';

type ConfigsOf = (context: Context) => Promise<CheckedConfig>;

export function delayedCommand(configsOf: ConfigsOf): Command {
  return {
    name: 'delayed',
    summary: 'list and cancel messages that arrive later',
    usage: '',
    options: delayedOptions,
    group: 'Operation',
    topic: 'delay',
    verbs: {
      list: {
        usage: '',
        summary: 'list the delayed messages in the order in which they arrive',
        options: delayedVerbOptions.list,
        examples: ['mq delayed list', 'mq delayed list --publication task --json'],
        async run(context, values) {
          values.expectAtMost(0);
          const stopped = 'messages that were read stay in their queues';
          await withSession(context, { values, configs: await configsOf(context), stopped }, (job) =>
            list(context, values, job),
          );
        },
      },
      cancel: {
        usage: '<id…>',
        summary: 'remove delayed messages before they arrive',
        options: delayedVerbOptions.cancel,
        examples: ['mq delayed cancel 1f6a2c3e-4c5d-4f4e-9d6b-2f9a8b7c6d5e-1'],
        async run(context, values) {
          if (values.args.length === 0 || values.args.includes(''))
            throw values.usage('give the id of a message; mq delayed list shows the ids');
          const stopped = 'some of the messages may be cancelled';
          await withSession(context, { values, configs: await configsOf(context), stopped }, (job) =>
            cancel(context, values, job),
          );
        },
      },
    },
    examples: ['mq delayed list', 'mq delayed cancel 1f6a2c3e-4c5d-4f4e-9d6b-2f9a8b7c6d5e-1'],
  };
}

type Destination = Pick<DelayedMessage, 'exchange' | 'routingKey'>;

interface Job {
  readonly session: Session;
  readonly queues: Parameters<typeof listDelayed>[1];
  readonly isSelected: (message: DelayedMessage) => boolean;
  /** Throws after the first signal. */
  readonly check: () => void;
}

interface Connecting {
  readonly values: Values;
  readonly configs: CheckedConfig;
  /** Part of the error after the first signal. */
  readonly stopped: string;
}

/** Connects to the vhosts of the file, or to the vhost of --publication. */
async function withSession(
  context: Context,
  { values, configs, stopped }: Connecting,
  work: (job: Job) => Promise<void>,
): Promise<void> {
  const { config, vhosts, publication } = placesOf(values, configs);
  const addresses = await addressesOf(context, values);
  const [{ destinationIn, waitingPlaces }, { interrupted }] = await Promise.all([
    import('../../delay/configured.ts'),
    import('../../signal.ts'),
  ]);
  const note = noteOf(context, 'delayed');
  const session = await openSession(context, { role: 'delayed', config, addresses, values, note });
  const wanted = publication && destinationIn(config, publication.vhost, publication);
  const queues = vhosts.flatMap((vhost) => waitingPlaces(config, vhost));
  const check = () => {
    if (context.drain.aborted) throw interrupted(context, stopped);
  };
  try {
    await work({ session, queues, isSelected: (message) => isFor(message, wanted), check });
  } finally {
    await session.close();
  }
}

/** Reports whether a message is for a queue, or for an exchange with any key. */
function isFor({ exchange, routingKey }: DelayedMessage, wanted: Destination | undefined): boolean {
  if (wanted === undefined) return true;
  return exchange === wanted.exchange && (exchange !== '' || routingKey === wanted.routingKey);
}

/** Returns the configuration that defines the messages, its vhosts, and the publication of --publication. */
function placesOf(values: Values, configs: CheckedConfig) {
  const name = values.name('publication');
  if (name === undefined) {
    return { config: configs.config, vhosts: Object.keys(configs.config.vhosts), publication: undefined };
  }
  const config = configFor(configs, { publications: [name], subscriptions: [] });
  const publication = Object.hasOwn(config.publications, name) ? config.publications[name] : undefined;
  if (publication === undefined) throw values.usage(`there is no publication '${name}'`);
  return { config, vhosts: [publication.vhost], publication };
}

async function list(context: Context, values: Values, { session, queues, isSelected, check }: Job): Promise<void> {
  const count = values.whole('count', { min: 1 }) ?? 1000;
  const { listDelayed: read } = await import('../../roles/delayed.ts');
  const { messages, unread } = await read(session, queues, { count, isSelected, check });
  await print(context, values, messages);
  if (unread > 0) {
    noteOf(context, 'delayed')(`${unread} more messages were not read; --count ${count + unread} reads all`);
  }
}

const columns = ['due', 'in', 'id', 'exchange', 'key', 'bytes', 'state'] as const;

async function print(context: Context, values: Values, messages: readonly DelayedMessage[]): Promise<void> {
  const [{ Printer }, { drawTable }, { taggedFields }, { durationText }] = await Promise.all([
    import('../../terminal/printer.ts'),
    import('../../terminal/table.ts'),
    import('../../session/tagged-json.ts'),
    import('../../config/duration.ts'),
  ]);
  const printer = new Printer(context.stdout);
  const now = time.date();
  const textOf = (due: number | undefined) => (due === undefined ? undefined : timeText(due));
  if (values.flag('json')) {
    for (const { due, ...message } of messages) await printer.json(taggedFields({ due: textOf(due), ...message }));
    return;
  }
  const rows = messages.map(({ due, id = '-', exchange, routingKey, bytes, state }) => {
    const left = due === undefined ? '-' : durationText(Math.max(0, due - now)).replace(' ', '');
    return [textOf(due) ?? '-', left, id, exchange || '-', routingKey, String(bytes), state].map((text) =>
      escaped(text),
    );
  });
  const hasHeaders = values.flag('headers') ?? true;
  const lines =
    context.stdout.isTTY === true
      ? drawTable({ columns, rows, width: context.stdout.columns ?? 80, hasHeaders })
      : [...(hasHeaders ? [columns] : []), ...rows].map((row) => row.join('\t'));
  if (lines.length > 0) await printer.text(lines.join('\n'));
}

/** Returns the time in ISO 8601. Any publisher can write a time that JavaScript's dates do not have. */
function timeText(due: number): string {
  const date = new Date(due);
  return Number.isNaN(date.getTime()) ? String(due) : date.toISOString();
}

async function cancel(context: Context, values: Values, { session, queues, isSelected, check }: Job): Promise<void> {
  const { cancelDelayed } = await import('../../roles/delayed.ts');
  const { Printer } = await import('../../terminal/printer.ts');
  const ids = new Set(values.args);
  const cancelled = await cancelDelayed(session, queues, { ids, isSelected, check });
  const gone = [...ids].filter((id) => !cancelled.has(id));
  const printer = new Printer(context.stdout);
  for (const id of ids) {
    const outcome = cancelled.has(id) ? 'cancelled' : 'gone';
    if (values.flag('json')) await printer.json({ id, outcome });
    else await printer.text(escaped(`${outcome} ${id}`));
  }
  if (gone.length === 0) return;
  const which = `${ids.size === 1 ? 'message' : 'messages'} ${gone.length === 1 ? 'is' : 'are'}`;
  throw new MqError('ANSWER_NO', `${gone.length} of ${ids.size} ${which} not delayed`, {
    hint: 'they arrived, they were cancelled before, or their destination does not exist (mq help delay)',
  });
}
