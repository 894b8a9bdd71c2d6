// mq init: writes an initial rascal.json. It never overwrites an existing file.

import { promises } from 'node:fs';
import { resolve } from 'node:path';
import { MqError, systemCode, systemReason } from '../../errors.ts';
import { optionSets } from '../arguments/options.ts';
import { wordOf } from '../arguments/program.ts';
import type { Command } from '../command.ts';
import { type TemplateName, templateNames, templates } from './init/templates.ts';

export const initCommand: Command = {
  name: 'init',
  summary: 'write a rascal.json to start from',
  usage: templateNames.join('|'),
  options: optionSets.init,
  group: 'Configuration',
  topic: 'configuration',
  sections: [{ title: 'Templates', rows: templateNames.map((name) => [name, templates[name].summary]) }],
  examples: ['mq init worker', 'mq init rpc', 'mq init topic --config config/rascal.json', 'mq init logs'],
  async run({ cwd, stdout, stderr }, values) {
    values.expectAtMost(1);
    const name: TemplateName = values.args.length === 0 ? 'worker' : wordOf(values, templateNames);
    const file = values.name('config') ?? 'rascal.json';
    const { content, steps } = templates[name];
    try {
      await promises.writeFile(resolve(cwd, file), `${JSON.stringify(content, null, 2)}\n`, { flag: 'wx' });
    } catch (error) {
      const isThere = systemCode(error) === 'EEXIST';
      // A partly written file is removed, because it is not usable.
      if (!isThere) await promises.rm(resolve(cwd, file), { force: true }).catch(() => undefined);
      throw new MqError(
        'CANNOT_CREATE',
        isThere ? `${file} already exists` : `cannot write ${file}: ${systemReason(error)}`,
        {
          at: file,
          cause: error,
          ...(isThere && { hint: '--config FILE writes another file; mq check checks this one' }),
        },
      );
    }
    if (values.flag('json')) {
      stdout.write(`${JSON.stringify({ file, template: name })}\n`);
      return;
    }
    stdout.write(`${file}\n`);
    const other = file === 'rascal.json' ? '' : ` --config ${file}`;
    const all = [['mq broker', 'a broker, in another terminal; or set MQ_URL=amqp://…'], ...steps] as const;
    const rows = all.map(([command, what]) => [command.replace(/^mq (?!broker)[\w-]+/, `$&${other}`), what] as const);
    const width = Math.max(...rows.map(([command]) => command.length));
    stderr.write(`next:\n${rows.map(([command, what]) => `  ${command.padEnd(width)}  # ${what}\n`).join('')}`);
  },
};
