// mq completions: the script that makes Tab in a shell know mq. What the script asks for at each Tab is answered
// by completion-answer.ts, which main.ts calls at once.

import type { Command } from '../command.ts';
import { installHints, scripts, shells } from '../completion-script.ts';
import { wordOf } from '../program.ts';

export const completionsCommand: Command = {
  name: 'completions',
  summary: 'print the completion script for your shell',
  usage: shells.join('|'),
  options: 'completions',
  group: 'Configuration',
  examples: shells.map((shell) => installHints[shell]),
  async run({ stdout, stderr }, values) {
    const shell = wordOf(values, shells);
    values.expectAtMost(1);
    stdout.write(scripts[shell]);
    if (stdout.isTTY) stderr.write(`hint: ${installHints[shell]}\n`);
  },
};
