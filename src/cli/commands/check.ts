// mq check: reports every problem of a rascal.json with file, line and column. With --target it also reports what a
// RabbitMQ version refuses or deprecates.

import type { Problem } from '../../config/check.ts';
import type { Config } from '../../config/config.ts';
import type { HandlerConfig } from '../../config/role.ts';
import { escaped, MqError, safeJson } from '../../errors.ts';
import { optionSets } from '../arguments/options.ts';
import type { Command } from '../command.ts';

/** `builtin` is the configuration inside the executable. `taken` returns the names that no role may have. */
export function checkCommand(builtin: unknown, taken: () => readonly string[]): Command {
  return {
    name: 'check',
    summary: 'report all problems of a rascal.json, by line',
    usage: '[file]',
    options: optionSets.check,
    group: 'Configuration',
    topic: 'configuration',
    examples: [
      'mq check',
      'mq check config/rascal.json',
      'mq check --target 4.3',
      'mq check --target 4.3 definitions.json',
      'mq check --schema > rascal.schema.json',
    ],
    async run({ env, cwd, stdout, drain: signal }, values) {
      if (values.flag('schema')) {
        const { jsonSchema } = await import('../../config/schema.ts');
        stdout.write(`${JSON.stringify(jsonSchema(), null, 2)}\n`);
        return;
      }
      values.expectAtMost(1);
      const [argument] = values.args;
      const option = argument ?? values.name('config');
      if (option === '') throw values.usage('the name of the file is empty');
      const { targets, checkTarget } = await import('../../config/target.ts');
      const target = values.choice('target', targets);
      const { findFile } = await import('../../config/find.ts');
      const found = await findFile({ ...(option !== undefined && { option }), env, cwd, signal }).catch((error) => {
        const named = argument !== undefined && error instanceof MqError && error.code === 'NO_INPUT';
        // The hint of the original error mentions --config, which does not apply to an argument.
        throw named ? new MqError('NO_INPUT', error.message, { at: argument, cause: error }) : error;
      });
      if (found === undefined)
        throw new MqError('NO_INPUT', 'there is no rascal.json here', { hint: 'mq check FILE names another one' });
      const { file, folder, text } = found;
      const { format, problems } =
        target === undefined ? { format: 'rascal', problems: [] } : checkTarget(text, { env, target });
      const { checkConfigText, configError, problemLine } = await import('../../config/check.ts');
      const { handlerFault } = await import('../../handlers/fault.ts');
      const settings = {
        ...{ file, folder, env, builtin, taken: taken(), isStrict: true },
        handlerFault: (handler: HandlerConfig) => handlerFault(handler, { folder, env }),
      };
      const own =
        format === 'rascal' ? checkConfigText(text, settings) : { problems: [], warnings: [], checked: undefined };

      const all: readonly Problem[] = [...own.problems, ...(own.warnings ?? []), ...problems];
      const mild = all.filter(({ code }) => code === 'deprecated' || code === 'warning');
      const wrong = all.filter((one) => !mild.includes(one));
      const asJson = values.flag('json');
      if (asJson) for (const problem of all) stdout.write(`${safeJson({ file, ...problem })}\n`);
      else for (const one of mild) stdout.write(`${escaped(`${problemLine(file, one)} (${one.code})`)}\n`);
      const many = `${wrong.length} ${wrong.length === 1 ? 'problem' : 'problems'}`;
      // With --json the problems have already been printed.
      if (wrong.length > 0) throw asJson ? new MqError('CONFIG', `${file} has ${many}`) : configError(file, wrong);

      const counts = own.checked === undefined ? 'exported definitions' : countsOf(own.checked.config);
      const forTarget = target === undefined ? '' : ` for RabbitMQ ${target}`;
      const count = (code: string) => mild.filter((one) => one.code === code).length;
      const verdict = {
        file,
        ok: true,
        ...(target && { target, deprecated: count('deprecated') }),
        warnings: count('warning'),
      };
      stdout.write(`${asJson ? JSON.stringify(verdict) : `${file}: right${forTarget} (${counts})`}\n`);
    },
  };
}

function countsOf({ roles, publications, subscriptions }: Config): string {
  const counts = Object.entries({ role: roles, publication: publications, subscription: subscriptions });
  return counts.map(([what, items]) => counted(Object.keys(items).length, what)).join(', ');
}

function counted(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? '' : 's'}`;
}
