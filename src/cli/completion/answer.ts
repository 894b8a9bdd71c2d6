// Answers the completion request of a shell: `files` or `words`, followed by lines with a word and its description.

import type { Context } from '../../context.ts';
import { escaped } from '../../errors.ts';
import { type CompletedCommand, completionOf } from './candidates.ts';
import { knownNames } from './names.ts';

interface Sources {
  readonly world: Pick<Context, 'env' | 'cwd'>;
  readonly commands: readonly CompletedCommand[];
  readonly builtin: unknown;
}

/** @param args `--` and the words after `mq`; if empty, MQ_COMPLETION_WORDS contains the words, one on each line */
export async function completionAnswer(
  args: readonly string[],
  { world, commands, builtin }: Sources,
): Promise<string> {
  const typed = args.length > 0 ? args.slice(1) : (world.env['MQ_COMPLETION_WORDS'] ?? '').split('\n');
  const names = knownNames(world, { typed, builtin });
  const completion = await completionOf(typed, { commands, names });
  const lines = completion.files ? ['files'] : ['words', ...completion.words.map(line)];
  return `${lines.join('\n')}\n`;
}

function line([word, about]: readonly [string, string?]): string {
  return about === undefined ? word : `${word}\t${escaped(about)}`;
}
