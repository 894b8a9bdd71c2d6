// mq types: writes the declarations of `mq/test` and `mq/handler` for editors and tsc.

import { promises } from 'node:fs';
import { join, resolve } from 'node:path';
import { MqError, systemReason } from '../../errors.ts';
import { makeFolder } from '../../harness/folder.ts';
import { optionSets } from '../arguments/options.ts';
import type { Command } from '../command.ts';

export const typesCommand: Command = {
  name: 'types',
  summary: 'write the types of mq/test and mq/handler for editors',
  usage: '',
  options: optionSets.types,
  group: 'Tests',
  topic: 'testing',
  examples: ['mq types', 'mq types --out test'],
  async run({ cwd, stdout, stderr }, values) {
    values.expectAtMost(0, 'mq types --out DIR writes to another folder');
    const [{ declarations, tsconfig }, handlers] = await Promise.all([
      import('../../harness/declarations.ts'),
      import('../../handlers/declarations.ts'),
    ]);
    const texts = { 'mq-test.d.ts': declarations, 'mq-handler.d.ts': handlers.declarations };
    for (const [name, text] of Object.entries(texts)) {
      const file = join(values.name('out') ?? '.', name);
      const path = resolve(cwd, file);
      try {
        makeFolder(resolve(path, '..'));
        await promises.writeFile(path, text);
      } catch (error) {
        throw new MqError('CANNOT_CREATE', `cannot write ${file}: ${systemReason(error)}`, { at: file, cause: error });
      }
      stdout.write(`${file}\n`);
    }
    stderr.write(
      `hint: if you have no tsconfig.json, this one includes both files:\n${JSON.stringify(tsconfig, null, 2)}\n`,
    );
  },
};
