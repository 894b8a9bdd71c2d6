// mq help: an entry for the list of commands and for completions. cli.ts runs `mq help worker` as `mq worker --help`.

import type { Command } from '../command.ts';

export const helpCommand: Command = {
  name: 'help',
  summary: 'print the help of a command, or this list',
  usage: '[command]',
  options: 'none',
  group: 'Configuration',
  run: async () => undefined,
};
