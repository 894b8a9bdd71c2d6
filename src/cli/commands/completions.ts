// mq completions: the script that makes Tab in a shell know mq, and the answers that the script asks for.

import { escaped } from '../../errors.ts';
import type { Command } from '../command.ts';
import type { CompletedCommand } from '../completion.ts';
import { installHints, type Shell, scripts, shells } from '../completion-script.ts';

/** `commands`: all but the roles. `builtin`: the configuration that is in the executable. */
export function completionsCommand(commands: () => readonly CompletedCommand[], builtin: unknown): Command {
  return {
    name: 'completions',
    summary: 'make Tab in your shell know the commands, the options and the names of rascal.json',
    usage: shells.join('|'),
    options: 'completions',
    group: 'Configuration',
    examples: shells.map((shell) => installHints[shell]),
    async run({ env, cwd, stdout, stderr }, values) {
      const [word, ...typed] = values.args;
      if (word === 'words') {
        // A shell that loses empty arguments gives the words there, a line each.
        const given = typed.length > 0 ? typed : (env['MQ_COMPLETION_WORDS'] ?? '').split('\n');
        const { completionOf } = await import('../completion.ts');
        const { knownNames } = await import('../completion-names.ts');
        const names = knownNames({ env, cwd }, { typed: given, builtin });
        const completion = await completionOf(given, { commands: commands(), names });
        const lines = completion.files ? ['files'] : ['words', ...completion.words.map(line)];
        stdout.write(`${lines.join('\n')}\n`);
        return;
      }
      const shell = shells.find((one) => one === word);
      if (shell === undefined)
        throw values.usage(
          `${word === undefined ? 'say for which shell' : `'${word}' is not one of`}: ${shells.join(', ')}`,
        );
      if (typed[0] !== undefined) throw values.usage(`'${typed[0]}' is one argument too many`);
      stdout.write(scripts[shell]);
      if (stdout.isTTY) stderr.write(`hint: ${installHints[shell satisfies Shell]}\n`);
    },
  };
}

function line([word, about]: readonly [string, string?]): string {
  return about === undefined ? word : `${word}\t${escaped(about)}`;
}
