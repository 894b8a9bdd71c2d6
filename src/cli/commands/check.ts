// mq check: is this rascal.json right? Every problem at once, with file, line and column.

import { MqError, safeJson } from '../../errors.ts';
import type { Command } from '../command.ts';

/** `builtin`: the configuration that is in the executable. `taken`: the names that no role may have. */
export function checkCommand(builtin: unknown, taken: () => readonly string[]): Command {
  return {
    name: 'check',
    summary: 'check a rascal.json: all problems, with line and column',
    usage: '[file]',
    options: 'check',
    group: 'Configuration',
    examples: ['mq check', 'mq check config/rascal.json', 'mq check --schema > rascal.schema.json'],
    async run({ env, cwd, stdout }, values) {
      if (values.flag('schema')) {
        const { jsonSchema } = await import('../../config/schema.ts');
        stdout.write(`${JSON.stringify(jsonSchema(), null, 2)}\n`);
        return;
      }
      const [argument, second] = values.args;
      if (second !== undefined) throw values.usage(`'${second}' is one argument too many`);
      const option = argument ?? values.name('config');
      if (option === '') throw values.usage('the file is empty text');
      const { checkFile, loadConfig } = await import('../../config/load.ts');
      const where = { ...(option !== undefined && { option }), env, cwd, builtin, taken: taken() };
      if (values.flag('json')) {
        const { file, problems = [] } = (await checkFile(where).catch(() => undefined)) ?? {};
        for (const problem of problems) stdout.write(`${safeJson({ file, ...problem })}\n`);
        // They are not said twice.
        const many = `${problems.length} ${problems.length === 1 ? 'problem' : 'problems'}`;
        if (problems.length > 0) throw new MqError('CONFIG', `${file} has ${many}`);
      }
      const config = await loadConfig(where).catch((error) => {
        const named = argument !== undefined && error instanceof MqError && error.code === 'NO_INPUT';
        // Its hint says that --config names the file.
        throw named ? new MqError('NO_INPUT', error.message, { at: argument, cause: error }) : error;
      });
      if (config.file === undefined)
        throw new MqError('NO_INPUT', 'there is no rascal.json here', { hint: 'mq check FILE names another one' });
      const counts = `${Object.keys(config.roles).length} roles, ${Object.keys(config.publications).length} publications, ${Object.keys(config.subscriptions).length} subscriptions`;
      if (values.flag('json')) stdout.write(`${JSON.stringify({ file: config.file, ok: true })}\n`);
      else stdout.write(`${config.file}: right (${counts}, the built-in ones included)\n`);
    },
  };
}
