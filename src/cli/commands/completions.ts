// mq completions: the script that makes Tab in a shell know mq. What the script asks for at each Tab is answered
// by completion-answer.ts, which main.ts calls at once.

import type { Command } from '../command.ts';
import { installHints, scripts, shells } from '../completion-script.ts';

export const completionsCommand: Command = {
  name: 'completions',
  summary: 'print the completion script for your shell',
  usage: shells.join('|'),
  options: 'completions',
  group: 'Configuration',
  examples: shells.map((shell) => installHints[shell]),
  async run({ stdout, stderr }, values) {
    const [word] = values.args;
    const shell = shells.find((one) => one === word);
    if (shell === undefined)
      throw values.usage(
        `${word === undefined ? 'say for which shell' : `'${word}' is not one of`}: ${shells.join(', ')}`,
      );
    values.expectAtMost(1);
    stdout.write(scripts[shell]);
    if (stdout.isTTY) stderr.write(`hint: ${installHints[shell]}\n`);
  },
};
