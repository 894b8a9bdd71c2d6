// mq wait: comes back as soon as a broker takes AMQP, for CI and compose files.

import { setTimeout } from 'node:timers/promises';
import type { Config } from '../../config/config.ts';
import type { Context } from '../../context.ts';
import { type ErrorCode, escaped, MqError } from '../../errors.ts';
import { Printer } from '../../roles/printer.ts';
import { addressesOf } from '../addresses.ts';
import type { Command } from '../command.ts';

const pauseMs = 200;
/** What no waiting mends. A broker that boots refuses nobody: its users are there before its port is. */
const final: readonly ErrorCode[] = ['NOT_PERMITTED', 'CONFIG', 'TLS', 'USAGE', 'BUG'];

export function waitCommand(configOf: (context: Context) => Promise<Config>): Command {
  return {
    name: 'wait',
    summary: 'come back as soon as a broker takes AMQP: connection, login and vhost',
    usage: '',
    options: 'wait',
    group: 'Operation',
    examples: ['mq wait && mq worker', 'mq wait --url amqp://user:password@rabbit/shop --timeout 30'],
    async run(context, values) {
      const [superfluous] = values.args;
      if (superfluous !== undefined) throw values.usage(`'${superfluous}' is one argument too many`);
      const timeoutMs = values.duration('timeout') ?? 60_000;
      const [addresses, config] = await Promise.all([addressesOf(context, values), configOf(context)]);
      const { tryConnection } = await import('../../session/try-connection.ts');
      const { stderr, drain } = context;
      const started = performance.now();
      const told = new Set<string>();
      let last = new MqError('UNAVAILABLE', 'no answer');
      const elapsed = () => performance.now() - started;
      while (elapsed() < timeoutMs && !drain.aborted) {
        try {
          await tryConnection(config, addresses, { withinMs: timeoutMs - elapsed(), signal: drain });
          const seconds = Math.round(elapsed()) / 1000;
          if (values.flag('json')) await new Printer(context.stdout).json({ state: 'ready', seconds });
          else if (stderr.isTTY) stderr.write(`mq wait: ready after ${seconds.toFixed(1)} s\n`);
          return;
        } catch (error) {
          if (drain.aborted) break;
          if (!(error instanceof MqError) || final.includes(error.code)) throw error;
          if (error.code !== 'DEADLINE') last = error;
        }
        // In the log of a CI: what it waits for, once for each reason.
        if (!told.has(last.message)) stderr.write(`mq wait: not yet: ${escaped(last.message)}\n`);
        told.add(last.message);
        await setTimeout(Math.min(pauseMs, Math.max(0, timeoutMs - elapsed())), undefined, { signal: drain }).catch(
          () => undefined,
        );
      }
      if (drain.aborted) throw new MqError(drain.reason === 'SIGTERM' ? 'TERMINATED' : 'INTERRUPTED', 'interrupted');
      const { message, hint } = last;
      throw new MqError('UNAVAILABLE', `no broker took AMQP within ${timeoutMs / 1000} s: ${message}`, {
        ...(hint !== undefined && { hint }),
        cause: last,
      });
    },
  };
}
