// mq check: is this rascal.json right? Every problem at once, with file, line and column; with --target also what a
// RabbitMQ version has against it.

import type { Problem } from '../../config/problem.ts';
import type { Context } from '../../context.ts';
import { MqError, safeJson } from '../../errors.ts';
import type { Command } from '../command.ts';
import type { Values } from '../values.ts';

/** `builtin`: the configuration that is in the executable. `taken`: the names that no role may have. */
export function checkCommand(builtin: unknown, taken: () => readonly string[]): Command {
  return {
    name: 'check',
    summary: 'check a rascal.json: all problems, with line and column',
    usage: '[file]',
    options: 'check',
    group: 'Configuration',
    examples: [
      'mq check',
      'mq check config/rascal.json',
      'mq check --target 4.3',
      'mq check --target 4.3 definitions.json',
      'mq check --schema > rascal.schema.json',
    ],
    async run(context, values) {
      const { env, cwd, stdout } = context;
      if (values.flag('schema')) {
        const { jsonSchema } = await import('../../config/schema.ts');
        stdout.write(`${JSON.stringify(jsonSchema(), null, 2)}\n`);
        return;
      }
      const [argument, second] = values.args;
      if (second !== undefined) throw values.usage(`'${second}' is one argument too many`);
      const option = argument ?? values.name('config');
      if (option === '') throw values.usage('the file is empty text');
      const { targets, checkTarget } = await import('../../config/target.ts');
      const target = values.choice('target', targets);
      const { findFile } = await import('../../config/find.ts');
      const found = await findFile({ ...(option !== undefined && { option }), env, cwd }).catch((error) => {
        const named = argument !== undefined && error instanceof MqError && error.code === 'NO_INPUT';
        // Its hint says that --config names the file.
        throw named ? new MqError('NO_INPUT', error.message, { at: argument, cause: error }) : error;
      });
      if (found === undefined)
        throw new MqError('NO_INPUT', 'there is no rascal.json here', { hint: 'mq check FILE names another one' });
      const { file, text } = found;
      const { format, problems } =
        target === undefined ? { format: 'rascal', problems: [] } : checkTarget(text, { env, target });
      const counts = format === 'rascal' ? countsOf(await checked()) : 'exported definitions';
      if (target !== undefined) await tell(context, values, { file, target, problems });
      const forTarget = target === undefined ? '' : ` for RabbitMQ ${target}`;
      const verdict = { file, ok: true, ...(target && { target, deprecated: problems.length }) };
      if (values.flag('json')) stdout.write(`${JSON.stringify(verdict)}\n`);
      else stdout.write(`${file}: right${forTarget} (${counts})\n`);

      async function checked() {
        const { configOfFile } = await import('../../config/load.ts');
        return configOfFile({ file, text, folder: cwd, ...found }, { env, builtin, taken: taken() });
      }
    },
  };
}

function countsOf({
  roles,
  publications,
  subscriptions,
}: Readonly<Record<'roles' | 'publications' | 'subscriptions', object>>) {
  const [r, p, s] = [roles, publications, subscriptions].map((one) => Object.keys(one).length);
  return `${r} roles, ${p} publications, ${s} subscriptions, the built-in ones included`;
}

/** Prints what is deprecated (as objects: all), and throws what is refused. */
async function tell(
  { stdout }: Context,
  values: Values,
  { file, target, problems }: { file: string; target: string; problems: readonly Problem[] },
): Promise<void> {
  const { problemLine } = await import('../../config/problem.ts');
  const { escaped } = await import('../../errors.ts');
  const refused = problems.filter(({ code }) => code === 'refused');
  for (const problem of problems) {
    if (values.flag('json')) stdout.write(`${safeJson({ file, ...problem })}\n`);
    else if (problem.code === 'deprecated') stdout.write(`${escaped(`${problemLine(file, problem)} (deprecated)`)}\n`);
  }
  if (refused.length === 0) return;
  const [first = '', ...more] = refused.map((problem) => problemLine(file, problem));
  if (more.length === 0) throw new MqError('CONFIG', first);
  throw new MqError('CONFIG', `${file} has ${refused.length} problems with RabbitMQ ${target}`, {
    at: file,
    problems: [first, ...more],
  });
}
