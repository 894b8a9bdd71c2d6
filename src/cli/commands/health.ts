// mq health: reports whether a role with --metrics is ready, for supervisor probes on machines without curl.

import { MqError } from '../../errors.ts';
import { optionSets } from '../arguments/options.ts';
import type { Values } from '../arguments/values.ts';
import type { Command } from '../command.ts';

/** Default port of OpenTelemetry's Prometheus exporter. */
const defaultPort = 9464;

export const healthCommand: Command = {
  name: 'health',
  summary: 'report whether a role with --metrics is ready',
  usage: '[port or URL]',
  options: optionSets.health,
  group: 'Operation',
  topic: 'observability',
  examples: [`mq worker --metrics ${defaultPort} & mq health`, 'mq health 9100', 'mq health http://10.0.0.5:9464'],
  async run({ stdout }, values) {
    const url = addressOf(values);
    const { askReadiness } = await import('../../observe/ask.ts');
    const { isReady, why } = await askReadiness(url, values.duration('timeout') ?? 5000);
    if (values.flag('json')) stdout.write(`${JSON.stringify({ url: url.href, ready: isReady, why })}\n`);
    else if (isReady) stdout.write(`${why}\n`);
    if (!isReady) throw new MqError('ANSWER_NO', `${url.host} is not ready: ${why}`);
  },
};

function addressOf(values: Values): URL {
  values.expectAtMost(1);
  const [typed = String(defaultPort)] = values.args;
  const isPort = /^\d{1,5}$/.test(typed) && Number(typed) > 0 && Number(typed) <= 65_535;
  const text = isPort ? `http://127.0.0.1:${typed}` : typed.includes('://') ? typed : `http://${typed}`;
  const url = URL.parse(text);
  if (/^\d+$/.test(typed) && !isPort) throw values.usage(`the port must be from 1 to 65535, not '${typed}'`);
  if (!url || !['http:', 'https:'].includes(url.protocol) || url.username !== '' || url.password !== '')
    throw values.usage(`'${typed}' is neither a port nor an address such as http://127.0.0.1:${defaultPort}`);
  return url;
}
