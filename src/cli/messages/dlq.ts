// mq dlq: lists, shows, replays, moves and deletes messages that failed all attempts.

import { type CheckedConfig, type Config, configFor, queueType } from '../../config/config.ts';
import type { DeadQueue } from '../../config/dead-queue.ts';
import { usesOf } from '../../config/role.ts';
import type { Context, Say } from '../../context.ts';
import { MqError } from '../../errors.ts';
import type { DlqSettings } from '../../roles/dlq.ts';
import type { DlqVerb } from '../../roles/selection.ts';
import { dlqOptions, dlqVerbOptions } from '../arguments/dlq-options.ts';
import type { Values } from '../arguments/values.ts';
import type { Command, Verb } from '../command.ts';
import { noteOf } from '../error-text.ts';
import { addressesOf } from '../input/addresses.ts';
import { canAsk, isConfirmed } from '../input/question.ts';
import { withTraces } from '../traces.ts';
import { openSession } from './session.ts';

type ConfigsOf = (context: Context) => Promise<CheckedConfig>;

/** Texts of the verbs, in the order of the help. */
const rows: Readonly<Record<DlqVerb, Pick<Verb, 'usage' | 'summary' | 'examples'>>> = {
  list: {
    usage: '<subscription or queue>',
    summary: 'list the dead letters of a subscription, role or queue',
    examples: [
      'mq dlq list task',
      'mq dlq list task --group reason',
      'mq dlq list --queue old.dead --filter tenant=acme',
    ],
  },
  show: {
    usage: '<subscription or queue> <id>',
    summary: 'print one dead letter with its headers and body',
    examples: ['mq dlq show task 1f6a2c3e-7'],
  },
  replay: {
    usage: '<subscription or queue>',
    summary: 'send dead letters to the queue where they died',
    examples: [
      "mq dlq replay task --filter 'reason=exit status 9' --count 10",
      'mq dlq replay task --to-exchange --dry-run',
    ],
  },
  move: {
    usage: '<subscription or queue>',
    summary: 'send dead letters to another queue',
    examples: ['mq dlq move task --id 1f6a2c3e-7 --to parked'],
  },
  edit: {
    usage: '<subscription or queue> <id>',
    summary: 'edit one dead letter and send it to the queue where it died',
    examples: ['mq dlq edit task 1f6a2c3e-7', 'VISUAL=nano mq dlq edit --queue old.dead 1f6a'],
  },
  purge: {
    usage: '<subscription or queue>',
    summary: 'delete dead letters',
    examples: ['mq dlq purge task --dry-run', 'mq dlq purge --queue old.dead --yes'],
  },
};

export function dlqCommand(configsOf: ConfigsOf): Command {
  return {
    name: 'dlq',
    summary: 'list, show, edit, replay, move and purge dead letters',
    usage: '',
    options: dlqOptions,
    group: 'Operation',
    topic: 'retries-and-dead-letters',
    verbs: {
      list: verbOf('list', configsOf),
      show: verbOf('show', configsOf),
      replay: verbOf('replay', configsOf),
      move: verbOf('move', configsOf),
      edit: verbOf('edit', configsOf),
      purge: verbOf('purge', configsOf),
    },
    examples: Object.values(rows).flatMap(({ examples }) => examples[0] ?? []),
  };
}

function verbOf(verb: DlqVerb, configsOf: ConfigsOf): Verb {
  return {
    ...rows[verb],
    options: dlqVerbOptions[verb],
    async run(context, values) {
      const { name, id } = nameAndId(values, verb);
      if (verb === 'move' && values.name('to') === undefined)
        throw values.usage('give the queue to move to: --to QUEUE');
      await run(context, values, { verb, name, id, config: configOfName(await configsOf(context), name) });
    },
  };
}

/** Returns the name and the id in the arguments. With --queue there is no name. */
function nameAndId(values: Values, verb: DlqVerb): Pick<Job, 'name' | 'id'> {
  const byName = values.name('queue') === undefined;
  const [name, id] = byName ? values.args : [undefined, ...values.args];
  if (byName && name === undefined) throw values.usage('give the name of a subscription or queue, or --queue');
  const hasId = verb === 'show' || verb === 'edit';
  values.expectAtMost((byName ? 1 : 0) + (hasId ? 1 : 0));
  if (hasId && id === undefined) throw values.usage('give the id of a message; mq dlq list shows the ids');
  return { name, id };
}

interface Job {
  readonly verb: DlqVerb;
  /** Name of a subscription, a role or a queue. `undefined` if --queue names the dead-letter queue itself. */
  readonly name: string | undefined;
  readonly id: string | undefined;
  readonly config: Config;
}

async function run(context: Context, values: Values, job: Job): Promise<void> {
  const settings = await settingsOf(context, values, job);
  const note = noteOf(context, 'dlq');
  const addresses = await addressesOf(context, values);
  const { dlq } = await import('../../roles/dlq.ts');
  const say: Say = ({ message }) => note(message);
  await withTraces(context, { name: 'dlq', say }, async (tracer) => {
    const session = await openSession(context, { role: 'dlq', config: job.config, addresses, values, note, tracer });
    try {
      await dlq(context, session, settings);
    } finally {
      await session.close();
    }
  });
}

async function settingsOf(context: Context, values: Values, { verb, name, id, config }: Job): Promise<DlqSettings> {
  const count = verb === 'show' ? 1 : values.whole('count', { min: 1 });
  const { deadQueueOf, declaredArguments, isDeadQueue } = await import('../../config/dead-queue.ts');
  const dead: DeadQueue =
    name === undefined
      ? { vhost: '/', queue: values.name('queue') ?? '' }
      : deadQueueOf(config, name, '--queue accepts any queue');
  const { vhost, queue, work } = dead;
  const isStrict = values.flag('strict') ?? false;
  if (isStrict && !isDeadQueue(config, dead)) throw notDeadQueue(queue);
  if (values.name('to') === queue) throw values.usage(`the messages are in ${queue} already`);
  const ids = id === undefined ? values.list('id') : [id];
  if (ids.includes('')) throw values.usage('an id is empty');
  if (verb === 'purge') await refuseStream(config, dead);
  refuseUnasked(context, values, verb);
  const { drawTable } = await import('../../terminal/table.ts');
  return {
    verb,
    vhost,
    queue,
    work,
    // mq itself declares the dead-letter queue of a subscription, role or queue. --queue may name any other queue.
    declared: declaredArguments(config, dead, name !== undefined),
    selection: { ids, filters: values.list('filter'), count },
    hasWholeIds: isStrict,
    group: values.name('group'),
    to: values.name('to'),
    toExchange: values.flag('to-exchange') ?? false,
    isSure: values.flag('yes') ?? false,
    dryRun: values.flag('dry-run') ?? false,
    json: values.flag('json') ?? false,
    hasHeaders: values.flag('headers') ?? true,
    drawTable,
    mayPurge: purgeConsent(context, values, queue),
    mayReplay: () => isConfirmed(context, 'replay them?'),
    openFile: async (text) => (await import('./dlq/editor.ts')).editorFile(context, text),
  };
}

/**
 * Returns the configuration of the file if it defines the name. Otherwise returns the file merged over the built-in
 * one, because the queue may be in a vhost of either.
 */
function configOfName(configs: CheckedConfig, name = ''): Config {
  const { subscriptions, roles } = configs.withBuiltin;
  if (Object.hasOwn(subscriptions, name)) return configFor(configs, { publications: [], subscriptions: [name] });
  const role = Object.hasOwn(roles, name) ? roles[name] : undefined;
  return role === undefined ? configs.withBuiltin : configFor(configs, usesOf(role));
}

function notDeadQueue(queue: string): MqError {
  return new MqError('USAGE', `'${queue}' is not a dead-letter queue, and --strict requires one`, {
    hint: 'its name must end with .dead, or rascal.json must name it in "deadLetter" of mq.retry or a role',
  });
}

/** Throws TOPOLOGY if rascal.json defines the queue as a stream. `--yes` would change nothing. */
async function refuseStream({ vhosts }: Config, { vhost, queue }: DeadQueue): Promise<void> {
  const defined = vhosts[vhost]?.queues[queue];
  if (defined === undefined || queueType(defined) !== 'stream') return;
  const { streamError } = await import('../../session/stream-error.ts');
  throw streamError(queue);
}

/** Throws USAGE if purge or --to-exchange needs consent and there is neither a terminal nor --yes. */
function refuseUnasked(context: Context, values: Values, verb: DlqVerb): void {
  if (verb === 'edit' && !canAsk(context)) throw values.usage('edit opens an editor, which requires a terminal');
  if (values.flag('yes') || values.flag('dry-run') || canAsk(context)) return;
  if (verb === 'purge') throw values.usage('purge deletes messages: without a terminal it requires --yes');
  if (values.flag('to-exchange'))
    throw values.usage(
      '--to-exchange sends to the exchanges that the messages name: without a terminal it requires --yes',
    );
}

function purgeConsent(context: Context, values: Values, queue: string) {
  return async (count: number): Promise<boolean> => {
    if (values.flag('yes')) return true;
    const selected = values.list('id').length + values.list('filter').length > 0 ? 'the selected ones of ' : '';
    return isConfirmed(context, `delete ${selected}${count} messages of ${queue} permanently?`);
  };
}
