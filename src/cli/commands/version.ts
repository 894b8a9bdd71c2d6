// mq version: prints the version of mq.

import manifest from '../../../package.json' with { type: 'json' };
import { Printer } from '../../terminal/printer.ts';
import { optionSets } from '../arguments/options.ts';
import type { Command } from '../command.ts';

export const versionCommand: Command = {
  name: 'version',
  summary: 'print the version (also -V, --version)',
  usage: '',
  options: optionSets.version,
  group: 'Configuration',
  topic: 'command-line',
  examples: ['mq version', 'mq version --json'],
  async run({ stdout }, values) {
    values.expectAtMost(0);
    const printer = new Printer(stdout);
    const { version } = manifest;
    await (values.flag('json') ? printer.json({ version }) : printer.text(`mq ${version}`));
  },
};
