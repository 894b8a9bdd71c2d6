// mq completions: prints the completion script of a shell. completion/answer.ts answers the script's requests, and
// main.ts calls it directly.

import { nearest } from '../../terminal/nearest.ts';
import { optionSets } from '../arguments/options.ts';
import { wordOf } from '../arguments/program.ts';
import type { Command } from '../command.ts';
import { installHints, scripts, shells } from '../completion/script.ts';

export const completionsCommand: Command = {
  name: 'completions',
  summary: 'print the completion script for your shell',
  usage: shells.join('|'),
  options: optionSets.completions,
  group: 'Configuration',
  topic: 'install',
  examples: shells.map((shell) => installHints[shell]),
  async run({ stdout, stderr }, values) {
    const [typed] = values.args;
    if (typed !== undefined && !shells.some((one) => one === typed)) {
      // A suggestion differs by one typing error at most, because tcsh is a shell and not a misspelt zsh.
      const near = nearest(typed, shells, 1);
      throw values.usage(
        `there are no completions for '${typed}'`,
        `${near ? `did you mean 'mq completions ${near}'? ` : ''}mq completions has ${shells.join(', ')}`,
      );
    }
    const shell = wordOf(values, shells);
    values.expectAtMost(1);
    stdout.write(scripts[shell]);
    if (stdout.isTTY) stderr.write(`hint: ${installHints[shell]}\n`);
  },
};
