// mq top: shows the queues of a broker with exact depths, rates and consumers, once or repeatedly.

import type { Config } from '../../config/config.ts';
import type { Context, Output } from '../../context.ts';
import { asMqError, escaped, safeJson } from '../../errors.ts';
import { interrupted } from '../../signal.ts';
import { fittingLines, showFrames, writeText } from '../../terminal/screen.ts';
import { pause, time } from '../../time.ts';
import { optionSets } from '../arguments/options.ts';
import type { Values } from '../arguments/values.ts';
import type { Command } from '../command.ts';
import { noteOf } from '../error-text.ts';
import { addressesOf } from '../input/addresses.ts';
import { brokerOf } from '../input/broker.ts';
import { type ConfigOf, type OpenedManagement, openManagement } from '../input/management.ts';
import {
  QueueRates,
  rowsOf,
  type SortColumn,
  type Subscriptions,
  sortColumns,
  sortedRows,
  subscriptionsOf,
  type TopRow,
} from './top/rows.ts';
import { readQueues } from './top/sample.ts';
import { tableOf, totalsOf } from './top/text.ts';

/** RabbitMQ's statistics change every 5 s. */
const defaultIntervalMs = 5_000;

export function topCommand(configOf: ConfigOf): Command {
  return {
    name: 'top',
    summary: 'show queues with depths, rates and consumers',
    usage: '',
    options: optionSets.top,
    group: 'Operation',
    topic: 'admin',
    examples: ['mq top', 'mq top --sort in --interval 2s', 'mq top --once', 'mq top --once --json'],
    run: (context, values) => run(context, values, configOf),
  };
}

async function run(context: Context, values: Values, configOf: ConfigOf): Promise<number> {
  const settings = settingsOf(context, values);
  const config = await configOf(context);
  const subscriptions = await ownSubscriptions(context, values, config);
  const opened = await openManagement(context, values, { configOf, sendsPassword: false });
  try {
    const vhost = values.flag('all-vhosts') ? undefined : (values.name('vhost') ?? opened.vhost);
    const sampler = new Sampler({ opened, vhost, subscriptions });
    if (settings.isOnce) await showOnce(context, sampler, settings);
    else await showLive(context, sampler, settings);
    return 0;
  } finally {
    opened.api.close();
  }
}

interface Settings {
  readonly sort: SortColumn;
  readonly intervalMs: number;
  readonly isOnce: boolean;
  readonly isJson: boolean;
}

function settingsOf({ stdout }: Context, values: Values): Settings {
  values.expectAtMost(0);
  const [isOnce, isJson] = [values.flag('once') === true, values.flag('json') === true];
  const sort = values.choice('sort', sortColumns) ?? 'ready';
  const intervalMs = values.duration('interval') ?? defaultIntervalMs;
  if (values.flag('all-vhosts') && values.name('vhost') !== undefined)
    throw values.usage('--vhost and --all-vhosts contradict each other');
  if (!isOnce && !isJson && stdout.isTTY !== true)
    throw values.usage('the output is not a terminal', '--once prints one table, --json a line for each sample');
  return { sort, intervalMs, isOnce, isJson };
}

/** Returns the subscriptions of rascal.json by queue. The address of the command line may name another vhost. */
async function ownSubscriptions(context: Context, values: Values, config: Config): Promise<Subscriptions> {
  const addresses = await addressesOf(context, values);
  return subscriptionsOf(config, (name) => brokerOf(config, name, addresses).vhost);
}

/** Reads samples, and remembers the counters of earlier ones for the rates. */
class Sampler {
  readonly origin: () => string;
  readonly #rates = new QueueRates();
  readonly #opened: OpenedManagement;
  readonly #vhost: string | undefined;
  readonly #subscriptions: Subscriptions;

  constructor({
    opened,
    vhost,
    subscriptions,
  }: { opened: OpenedManagement; vhost: string | undefined; subscriptions: Subscriptions }) {
    this.origin = () => opened.api.origin;
    this.#opened = opened;
    this.#vhost = vhost;
    this.#subscriptions = subscriptions;
  }

  async next(sort: SortColumn): Promise<TopRow[]> {
    const items = await readQueues(this.#opened, this.#vhost);
    this.#rates.add(items, time.now());
    return sortedRows(rowsOf(items, { subscriptions: this.#subscriptions, rates: this.#rates }), sort);
  }
}

/** Prints the second of two samples, because rates are their difference. Throws INTERRUPTED or TERMINATED at a signal. */
async function showOnce(context: Context, sampler: Sampler, { sort, intervalMs, isJson }: Settings) {
  const { stdout, drain } = context;
  await sampler.next(sort);
  await pause(intervalMs, { signal: drain });
  if (drain.aborted) throw interrupted(context, 'the rates need a second sample');
  const rows = await sampler.next(sort);
  await writeText(stdout, isJson ? jsonLine(rows) : await tableOf(stdout, rows));
}

/** Shows samples until a signal. An unavailable broker does not end it, because the broker may come back. */
async function showLive(context: Context, sampler: Sampler, { sort, intervalMs, isJson }: Settings): Promise<void> {
  const { stdout, drain } = context;
  const frame = async (): Promise<string> => {
    try {
      const rows = await sampler.next(sort);
      if (isJson) return jsonLine(rows);
      const lines = (await tableOf(stdout, rows)).split('\n').slice(0, -1);
      return screenText(stdout, sampler.origin(), [totalsOf(rows), '', ...lines]);
    } catch (error) {
      const { code, message } = asMqError(error);
      if (drain.aborted) return '';
      if (!['UNAVAILABLE', 'DEADLINE', 'HOST_UNKNOWN'].includes(code)) throw error;
      if (!isJson) return screenText(stdout, sampler.origin(), [escaped(message)]);
      noteOf(context, 'top')(message);
      return '';
    }
  };
  await showFrames(context, { intervalMs, isScreen: !isJson, frame });
}

function screenText(stdout: Output, origin: string, lines: readonly string[]): string {
  const title = `${new Date(time.date()).toLocaleTimeString('sv')}  ${escaped(origin)}`;
  return `${[title, ...fittingLines(stdout, lines)].join('\n')}\n`;
}

function jsonLine(queues: readonly TopRow[]): string {
  return `${safeJson({ time: new Date(time.date()).toISOString(), queues })}\n`;
}
