// mq replay: publishes the messages of a recording.

import type { Config } from '../../config/config.ts';
import type { Context, Said } from '../../context.ts';
import type { Renaming, ReplaySettings, ReplayTarget, Timing } from '../../roles/replay.ts';
import { optionSets } from '../arguments/options.ts';
import { intervalOf } from '../arguments/rate.ts';
import type { Values } from '../arguments/values.ts';
import type { Command } from '../command.ts';
import { replayCheck } from '../contract.ts';
import { noteOf } from '../error-text.ts';
import { addressesOf } from '../input/addresses.ts';
import { brokerOf } from '../input/broker.ts';
import type { ConfigOf } from '../input/management.ts';
import { withTraces } from '../traces.ts';
import { openSession, vhostOf } from './session.ts';

export function replayCommand(configOf: ConfigOf): Command {
  return {
    name: 'replay',
    summary: 'publish the messages of a recording',
    usage: '<file>',
    options: optionSets.replay,
    group: 'Operation',
    topic: 'messages',
    examples: [
      'mq replay orders.ndjson',
      'mq replay orders.ndjson.zst --now --to queue:orders.test',
      'mq replay orders.ndjson --speed 10 --map orders=orders.v2',
      'mq replay orders.ndjson --skip 1200',
    ],
    async run(context, values) {
      values.expectAtMost(1);
      const [path] = values.args;
      if (path === undefined || path === '') throw values.usage('give the file of the recording; - is standard input');
      const settings = { path, ...settingsOf(values) };
      if (settings.target.to === 'queue' && settings.renamings.length > 0)
        throw values.usage('--map excludes --to queue:NAME, which replaces the exchange and the routing key');
      await run(context, values, { settings, config: await configOf(context) });
    },
  };
}

type Parsed = Omit<ReplaySettings, 'vhost' | 'user' | 'note' | 'target' | 'check'> & { readonly target: ReplayTarget };

function settingsOf(values: Values): Omit<Parsed, 'path'> {
  return {
    isPartial: values.flag('partial') ?? false,
    skip: values.whole('skip', { min: 0 }) ?? 0,
    timing: timingOf(values),
    target: targetOf(values),
    renamings: values.list('map').map((text) => renamingOf(values, text)),
    keepsCopies: values.flag('cc') ?? false,
    mandatory: values.flag('mandatory') ?? true,
    window: values.whole('window', { min: 1, max: 65_535 }) ?? 256,
    json: values.flag('json') ?? false,
  };
}

function timingOf(values: Values): Timing {
  const [speed, intervalMs] = [values.text('speed'), intervalOf(values)];
  const given = ['speed', 'rate', 'now'].filter((name) => values.given.includes(name));
  if (given.length > 1) throw values.usage(`--${given[0]} and --${given[1]} exclude each other`);
  if (values.flag('now')) return { by: 'now' };
  if (intervalMs !== undefined) return { by: 'rate', intervalMs };
  const factor = speed === undefined || /^\d{1,6}(\.\d{1,6})?$/.test(speed) ? Number(speed ?? 1) : 0;
  if (!(factor > 0)) throw values.usage(`--speed must be a factor such as 2 or 0.5, not '${speed}'`);
  return { by: 'recording', speed: factor };
}

function targetOf(values: Values): ReplayTarget {
  const text = values.name('to') ?? 'exchange';
  const at = text.indexOf(':');
  const [kind, name] = at === -1 ? [text, undefined] : [text.slice(0, at), text.slice(at + 1)];
  if (name === '') throw values.usage(`--to ${text} has no name after the colon`);
  if (kind === 'exchange') return { to: 'exchange', name };
  if (kind === 'queue' && name !== undefined) return { to: 'queue', name };
  return { to: 'publication', name: text };
}

function renamingOf(values: Values, text: string): Renaming {
  const [, kind, from = '', to = ''] = /^(?:(exchange|key):)?([^=]*)=(.*)$/s.exec(text) ?? [];
  if (from === '') throw values.usage(`--map must be OLD=NEW, exchange:OLD=NEW or key:OLD=NEW, not '${text}'`);
  return { of: kind === 'exchange' || kind === 'key' ? kind : 'both', from, to };
}

interface Job {
  readonly settings: Parsed;
  readonly config: Config;
}

async function run(context: Context, values: Values, { settings, config }: Job): Promise<void> {
  const { target } = settings;
  if (target.to === 'publication' && !Object.hasOwn(config.publications, target.name))
    throw values.usage(
      `there is no publication '${target.name}'`,
      '--to queue:NAME sends to a queue, --to exchange:NAME to an exchange',
    );
  const addresses = await addressesOf(context, values);
  const publication = target.to === 'publication' ? config.publications[target.name] : undefined;
  const vhost = publication?.vhost ?? vhostOf(config);
  const note = noteOf(context, 'replay');
  const check = await replayCheck(config, target, vhost);
  const { loginUserOf, replay } = await import('../../roles/replay.ts');
  const user = loginUserOf(brokerOf(config, vhost, addresses).connections);
  const traced = { name: 'replay', say: ({ message }: Said) => note(message) };
  await withTraces(context, traced, async (tracer) => {
    const session = await openSession(context, { role: 'replay', config, addresses, values, note, tracer });
    try {
      await replay(context, session, { ...settings, check, vhost, user, note });
    } finally {
      await session.close();
    }
  });
}
