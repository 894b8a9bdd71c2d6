// mq wait: exits as soon as a broker accepts AMQP connections, for CI and compose files.

import type { Config } from '../../config/config.ts';
import type { Context } from '../../context.ts';
import { safeJson } from '../../errors.ts';
import { Printer } from '../../terminal/printer.ts';
import { optionSets } from '../arguments/options.ts';
import { awaitBroker } from '../broker-wait.ts';
import type { Command } from '../command.ts';
import { noteOf } from '../error-text.ts';
import { addressesOf } from '../input/addresses.ts';

export function waitCommand(configOf: (context: Context) => Promise<Config>): Command {
  return {
    name: 'wait',
    summary: 'wait until a broker accepts a connection to the vhost',
    usage: '',
    options: optionSets.wait,
    group: 'Operation',
    topic: 'clusters',
    examples: ['mq wait && mq worker', 'mq wait --url amqp://user:password@rabbit/shop --timeout 30s'],
    async run(context, values) {
      values.expectAtMost(0);
      const timeoutMs = values.duration('timeout') ?? 60_000;
      const [addresses, config] = await Promise.all([addressesOf(context, values), configOf(context)]);
      const { stderr, drain } = context;
      // In a CI log these notes show what mq waits for.
      const note = noteOf(context, 'wait');
      const onReason = (reason: string) => {
        const message = `not yet: ${reason}`;
        if (values.flag('json')) stderr.write(`${safeJson({ level: 'warn', event: 'waiting', message })}\n`);
        else note(message);
      };
      const seconds = Math.round(await awaitBroker({ config, addresses, timeoutMs, drain, onReason })) / 1000;
      if (values.flag('json')) await new Printer(context.stdout).json({ state: 'ready', seconds });
      else if (stderr.isTTY) note(`ready after ${seconds.toFixed(1)} s`);
    },
  };
}
