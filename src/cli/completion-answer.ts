// The answer to a shell that asks what may be typed next: `files` or `words`, then a word and what it is on each line.

import type { Context } from '../context.ts';
import { escaped } from '../errors.ts';
import { type CompletedCommand, completionOf } from './completion.ts';
import { knownNames } from './completion-names.ts';

interface Given {
  readonly world: Pick<Context, 'env' | 'cwd'>;
  readonly commands: readonly CompletedCommand[];
  readonly builtin: unknown;
}

/** @param args `--` and the words after `mq`; without them MQ_COMPLETION_WORDS has the words, a line each. */
export async function completionAnswer(args: readonly string[], { world, commands, builtin }: Given): Promise<string> {
  const typed = args.length > 0 ? args.slice(1) : (world.env['MQ_COMPLETION_WORDS'] ?? '').split('\n');
  const names = knownNames(world, { typed, builtin });
  const completion = await completionOf(typed, { commands, names });
  const lines = completion.files ? ['files'] : ['words', ...completion.words.map(line)];
  return `${lines.join('\n')}\n`;
}

function line([word, about]: readonly [string, string?]): string {
  return about === undefined ? word : `${word}\t${escaped(about)}`;
}
