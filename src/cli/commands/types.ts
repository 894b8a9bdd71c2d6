// mq types: writes the declarations of `mq/test`, `mq/handler` and `mq/bodies` for editors and tsc.

import { promises } from 'node:fs';
import { join, resolve } from 'node:path';
import type { Context } from '../../context.ts';
import { MqError, systemReason } from '../../errors.ts';
import { makeFolder } from '../../harness/folder.ts';
import { optionSets } from '../arguments/options.ts';
import type { Command } from '../command.ts';

/** `builtin` is the configuration inside the executable. */
export function typesCommand(builtin: unknown): Command {
  return {
    name: 'types',
    summary: 'write the types of tests, handlers and bodies for editors',
    usage: '',
    options: optionSets.types,
    group: 'Tests',
    topic: 'testing',
    examples: ['mq types', 'mq types --out test', 'mq types --config shop/rascal.json --out shop'],
    async run(context, values) {
      const { cwd, stdout, stderr } = context;
      values.expectAtMost(0, 'mq types --out DIR writes to another folder');
      const [{ declarations, tsconfig }, handlers, bodies] = await Promise.all([
        import('../../harness/declarations.ts'),
        import('../../handlers/declarations.ts'),
        bodiesOf(context, { option: values.name('config'), builtin }),
      ]);
      const texts = {
        'mq-test.d.ts': declarations,
        'mq-handler.d.ts': handlers.declarations,
        'mq-bodies.d.ts': bodies,
      };
      for (const [name, text] of Object.entries(texts)) {
        const file = join(values.name('out') ?? '.', name);
        await write(resolve(cwd, file), { file, text });
        stdout.write(`${file}\n`);
      }
      stderr.write(
        `hint: if you have no tsconfig.json, this one includes these files:\n${JSON.stringify(tsconfig, null, 2)}\n`,
      );
    },
  };
}

async function write(path: string, { file, text }: { file: string; text: string }): Promise<void> {
  try {
    makeFolder(resolve(path, '..'));
    await promises.writeFile(path, text);
  } catch (error) {
    throw new MqError('CANNOT_CREATE', `cannot write ${file}: ${systemReason(error)}`, { at: file, cause: error });
  }
}

/** Returns the declarations for the publications and subscriptions of the user's rascal.json. Needs no trust. */
async function bodiesOf(
  { env, cwd, drain: signal }: Context,
  { option, builtin }: { option: string | undefined; builtin: unknown },
): Promise<string> {
  const [{ loadConfig }, { schemaTrees }, { bodyDeclarations }] = await Promise.all([
    import('../../config/load.ts'),
    import('../../contracts/trees.ts'),
    import('../../contracts/typescript.ts'),
  ]);
  const config = await loadConfig({ option, env, cwd, signal, builtin });
  if (config.file === undefined) return bodyDeclarations(new Map(), new Map());
  const trees = await schemaTrees(config);
  const bodies = (kind: 'publications' | 'subscriptions') =>
    new Map(Object.keys(config[kind]).map((name) => [name, trees[kind].get(name)]));
  return bodyDeclarations(bodies('publications'), bodies('subscriptions'));
}
