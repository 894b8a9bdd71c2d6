// mq init: writes or prints an initial rascal.json, from a template or from an existing topology. It never overwrites a
// file.

import { promises } from 'node:fs';
import { resolve } from 'node:path';
import type { Context } from '../../context.ts';
import { MqError, safeJson, systemCode, systemReason } from '../../errors.ts';
import { optionSets } from '../arguments/options.ts';
import { wordOf } from '../arguments/program.ts';
import { loginOptionNames } from '../arguments/shared-options.ts';
import type { Values } from '../arguments/values.ts';
import type { Command } from '../command.ts';
import { contentFrom, isAddress } from './init/from.ts';
import { type TemplateName, templateNames, templates } from './init/templates.ts';

export const initCommand: Command = {
  name: 'init',
  summary: 'write a rascal.json to start from',
  usage: templateNames.join('|'),
  options: optionSets.init,
  group: 'Configuration',
  topic: 'configuration',
  sections: [{ title: 'Templates', rows: templateNames.map((name) => [name, templates[name].summary]) }],
  examples: [
    'mq init worker',
    'mq init rpc',
    'mq init topic --config config/rascal.json',
    'mq init logs',
    'mq init --from amqp://user:password@rabbit/shop',
    'mq init --from definitions.json',
  ],
  async run(context, values) {
    // A named connection has become MQ_URL.
    const from = values.given.includes('connection') ? context.env['MQ_URL'] : values.name('from');
    const made = from === undefined ? fromTemplate(values) : await fromTopology(context, values, from);
    const file = values.name('config') ?? 'rascal.json';
    const { stdout, stderr } = context;
    if (file === '-') {
      if (values.flag('json')) throw values.usage('--config - prints the file itself: it excludes --json');
      stdout.write(textOf(made.content));
      return;
    }
    await writeNew(context, file, made.content);
    if (values.flag('json')) {
      stdout.write(`${safeJson({ file, ...made.origin })}\n`);
      return;
    }
    stdout.write(`${file}\n`);
    const other = file === 'rascal.json' ? '' : ` --config ${file}`;
    const rows = made.steps.map(([command, what]) => [command.replace(/^mq (?!broker)[\w-]+/, `$&${other}`), what]);
    const width = Math.max(...rows.map(([command = '']) => command.length));
    stderr.write(`next:\n${rows.map(([command = '', what]) => `  ${command.padEnd(width)}  # ${what}\n`).join('')}`);
  },
};

/** A new file. */
interface Made {
  readonly content: unknown;
  /** Fields of --json that describe the origin of the content. */
  readonly origin: { readonly template: string } | { readonly from: string };
  /** Commands that the user may run next, and what they do. */
  readonly steps: readonly (readonly [command: string, what: string])[];
}

function fromTemplate(values: Values): Made {
  values.expectAtMost(1);
  const unused = ['management-url', 'trust-management', ...loginOptionNames].find((name) =>
    values.given.includes(name),
  );
  if (unused !== undefined) throw values.usage(`--${unused} requires --from`);
  const name: TemplateName = values.args.length === 0 ? 'worker' : wordOf(values, templateNames);
  const { content, steps } = templates[name];
  const broker = ['mq broker', 'a broker, in another terminal; or set MQ_URL=amqp://…'] as const;
  return { content, origin: { template: name }, steps: [broker, ...steps] };
}

async function fromTopology(context: Context, values: Values, source: string): Promise<Made> {
  values.expectAtMost(0, 'a template and --from exclude each other');
  const { content, from } = await contentFrom(context, values, source);
  const plan = isAddress(source)
    ? (['mq plan', 'compares it with a broker; set MQ_URL to the same address'] as const)
    : ([`mq plan --against ${source}`, 'compares it with the definitions'] as const);
  return { content, origin: { from }, steps: [plan, ['mq check', 'reports problems; add publications and roles']] };
}

function textOf(content: unknown): string {
  return `${JSON.stringify(content, null, 2)}\n`;
}

async function writeNew({ cwd }: Context, file: string, content: unknown): Promise<void> {
  try {
    await promises.writeFile(resolve(cwd, file), textOf(content), { flag: 'wx' });
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
}
