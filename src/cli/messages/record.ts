// mq record: writes messages to a file that mq replay publishes again.

import type { Config } from '../../config/config.ts';
import type { Context } from '../../context.ts';
import { optionSets } from '../arguments/options.ts';
import type { Values } from '../arguments/values.ts';
import type { Command } from '../command.ts';
import { noteOf } from '../error-text.ts';
import { addressesOf } from '../input/addresses.ts';
import type { ConfigOf } from '../input/management.ts';
import { refuseInput } from '../input/output-file.ts';
import { openSession, vhostOf } from './session.ts';

export function recordCommand(configOf: ConfigOf): Command {
  return {
    name: 'record',
    summary: 'write messages to a file for mq replay',
    usage: '<file>',
    options: optionSets.record,
    group: 'Operation',
    topic: 'messages',
    examples: [
      'mq record orders.ndjson --from orders',
      'mq record orders.ndjson.zst --from orders --drain',
      'mq record - --from orders --count 10 | jq .body',
    ],
    async run(context, values) {
      values.expectAtMost(1);
      const [path] = values.args;
      if (path === undefined || path === '') throw values.usage('give the file to write; - is standard output');
      const queue = values.name('from');
      if (queue === undefined) throw values.usage('give the queue to record: --from QUEUE');
      const drain = values.flag('drain') ?? false;
      if (drain && path === '-')
        throw values.usage(
          '--drain needs a file: a pipe does not report when its reader has stored a message',
          'record to a file, and replay the file',
        );
      if (path !== '-') await refuseInput(context, values, { file: path, from: 'mq record' });
      await run(context, values, { path, queue, drain, config: await configOf(context) });
    },
  };
}

interface Job {
  readonly path: string;
  readonly queue: string;
  readonly drain: boolean;
  readonly config: Config;
}

async function run(context: Context, values: Values, { path, queue, drain, config }: Job): Promise<void> {
  const count = values.whole('count', { min: 1 }) ?? Number.POSITIVE_INFINITY;
  const maxTime = values.duration('max-time');
  const addresses = await addressesOf(context, values);
  const note = noteOf(context, 'record');
  const { recordQueue } = await import('../../roles/record.ts');
  const session = await openSession({ role: 'record', config, addresses, values, note });
  const signal = maxTime === undefined ? context.drain : AbortSignal.any([context.drain, AbortSignal.timeout(maxTime)]);
  try {
    await recordQueue(context, session, { path, vhost: vhostOf(config), queue, drain, count, signal, note });
  } finally {
    await session.close();
  }
}
