// mq trust: records the user's consent to a rascal.json, so that other commands accept it even if --config does not
// name it.

import { resolve } from 'node:path';
import { escaped, MqError } from '../../errors.ts';
import { optionSets } from '../arguments/options.ts';
import type { Command } from '../command.ts';
import { distrust, trust } from '../input/trust.ts';

export function trustCommand(builtin: unknown): Command {
  return {
    name: 'trust',
    summary: 'allow a rascal.json to run programs and send data',
    usage: '[file]',
    options: optionSets.trust,
    group: 'Configuration',
    topic: 'security',
    examples: ['mq trust', 'mq trust --revoke'],
    async run(context, values) {
      values.expectAtMost(1);
      const [name = 'rascal.json'] = values.args;
      const { env, cwd, uid, stdout, drain: signal } = context;
      if (values.flag('revoke')) {
        const isKnown = (await distrust(context, resolve(cwd, name))) > 0;
        stdout.write(`${escaped(name)}: ${isKnown ? 'no longer trusted' : 'was not trusted'}\n`);
        return;
      }
      const [{ findFile }, { risksOf }] = await Promise.all([
        import('../../config/find.ts'),
        import('../input/risks.ts'),
      ]);
      const found = await findFile({ option: name, isArgument: true, env, cwd, signal });
      if (found === undefined) throw new MqError('BUG', 'a named file was not read');
      const doubts = readDoubts(() => risksOf(found, { uid, builtin }), found.file);
      await trust(context, found);
      const lines =
        doubts.length > 0 ? doubts : ['only mq admin with your user or password requires trust in this file'];
      for (const line of lines) stdout.write(`${escaped(`${found.file}: ${line}`)}\n`);
      stdout.write(`${escaped(found.file)}: trusted with its current content; mq trust --revoke withdraws the trust\n`);
    },
  };
}

function readDoubts(read: () => string[], file: string): string[] {
  try {
    return read();
  } catch (error) {
    throw new MqError('CONFIG', `${file} is not JSON`, { hint: `mq check ${file} shows what is wrong`, cause: error });
  }
}
