// mq record: writes messages to a file that mq replay publishes again.

import { resolve } from 'node:path';
import type { CheckedConfig } from '../../config/config.ts';
import type { Context } from '../../context.ts';
import type { RecordSettings } from '../../roles/record.ts';
import { timeoutSignal } from '../../time.ts';
import { optionSets } from '../arguments/options.ts';
import { queueOptions, tapOnly } from '../arguments/recording-options.ts';
import type { Values } from '../arguments/values.ts';
import type { Candidate, Command, KnownNames } from '../command.ts';
import { noteOf } from '../error-text.ts';
import { addressesOf } from '../input/addresses.ts';
import { brokerOf } from '../input/broker.ts';
import { isSpecialFile, refuseInput } from '../input/output-file.ts';
import { offsetOf, placeOf, readLimit } from './peek.ts';
import { openSession } from './session.ts';
import { openWatch } from './tap/watch.ts';

type ConfigsOf = (context: Context) => Promise<CheckedConfig>;

export function recordCommand(configsOf: ConfigsOf): Command {
  return {
    name: 'record',
    summary: 'write messages to a file for mq replay',
    usage: '<file> [publication | exchange[:key]…]',
    options: optionSets.record,
    group: 'Operation',
    topic: 'messages',
    examples: [
      'mq record orders.ndjson orders --max-time 10m',
      'mq record orders.ndjson.zst --from orders',
      'mq record orders.ndjson.zst --from orders --remove',
      'mq record - --from orders --count 10 | jq .body',
    ],
    completes,
    async run(context, values) {
      const [path, ...targets] = values.args;
      if (path === undefined || path === '') throw values.usage('give the file to write; - is standard output');
      const queue = values.name('from');
      refuseContradictions(values, queue);
      if (values.flag('remove') && (path === '-' || (await isSpecialFile(resolve(context.cwd, path)))))
        throw values.usage(
          '--remove needs a file: a pipe does not report when its reader has stored a message',
          'record to a file, and replay the file',
        );
      if (path !== '-') await refuseInput(context, values, { file: path, from: 'mq record' });
      const settings = settingsOf(context, values, path);
      if (queue === undefined) await recordExchanges(context, values.withArgs(targets), { settings, configsOf });
      else await recordQueue(context, values, { settings, configsOf, queue });
    },
  };
}

async function completes(words: readonly string[], { publications, exchanges }: KnownNames): Promise<Candidate[]> {
  return words.length <= 1 ? [] : [...new Set([...publications, ...exchanges])].map((name) => [name]);
}

function refuseContradictions(values: Values, queue: string | undefined): void {
  const given = (options: readonly { name: string }[]) => options.find(({ name }) => values.given.includes(name))?.name;
  if (queue === undefined) {
    const unused = given(queueOptions);
    if (unused !== undefined) throw values.usage(`--${unused} requires --from`);
    return;
  }
  values.expectAtMost(1, '--from records one queue; without it, the arguments name exchanges');
  const unused = given(tapOnly);
  if (unused !== undefined) throw values.usage(`--${unused} excludes --from`);
  if (!values.flag('remove')) return;
  const reading = ['offset', 'filter'].find((name) => values.given.includes(name));
  if (reading !== undefined) throw values.usage(`--${reading} excludes --remove`);
}

function settingsOf(context: Context, values: Values, path: string): RecordSettings {
  const maxTime = values.duration('max-time');
  const { drain } = context;
  return {
    path,
    count: values.whole('count', { min: 1 }) ?? Number.POSITIVE_INFINITY,
    signal: maxTime === undefined ? drain : AbortSignal.any([drain, timeoutSignal(maxTime)]),
    note: noteOf(context, 'record'),
  };
}

interface Job {
  readonly settings: RecordSettings;
  readonly configsOf: ConfigsOf;
}

async function recordExchanges(context: Context, values: Values, { settings, configsOf }: Job): Promise<void> {
  const { config } = await configsOf(context);
  const { recordLive } = await import('../../roles/record.ts');
  const watch = await openWatch(context, values, config);
  await recordLive(context, watch, settings);
}

async function recordQueue(
  context: Context,
  values: Values,
  { settings, configsOf, queue: name }: Job & { readonly queue: string },
): Promise<void> {
  const offset = offsetOf(values);
  const { withBuiltin: config } = await configsOf(context);
  const place = placeOf(config, name);
  const addresses = await addressesOf(context, values);
  const broker = brokerOf(config, place.vhost, addresses);
  const { note } = settings;
  const { recordAndRemove, recordPeek } = await import('../../roles/record.ts');
  const session = await openSession(context, { role: 'record', config, addresses, values, note });
  try {
    if (values.flag('remove')) return await recordAndRemove(context, session, { ...settings, ...place });
    await recordPeek(context, session, {
      ...settings,
      ...place,
      offset,
      filters: values.list('filter'),
      readLimit: (isNeeded) => readLimit(context, values, { broker, queue: place.queue, isNeeded, note }),
      refuseOffset: (type) => {
        throw values.usage(`'${name}' is a ${type} queue: only a stream has a position, so --offset does not apply`);
      },
    });
  } finally {
    await session.close();
  }
}
