// Builds the call of an action from the command line: its arguments and options, file access, and the new password of a
// user.

import { promises } from 'node:fs';
import { resolve } from 'node:path';
import type { Call } from '../../../admin/action.ts';
import type { Context } from '../../../context.ts';
import { asMqError, MqError } from '../../../errors.ts';
import type { Values } from '../../arguments/values.ts';
import { noteOf } from '../../error-text.ts';
import { readText } from '../../input/files.ts';
import type { OpenedManagement } from '../../input/management.ts';
import { refuseInput } from '../../input/output-file.ts';
import { secretIn, secretOf } from '../../input/password.ts';
import { canAsk, hiddenLine } from '../../input/question.ts';
import { type FoundAction, nameOf, usage } from './find-action.ts';
import { controlOf } from './node-command.ts';

export function adminCall(
  context: Context,
  values: Values,
  { action, args, rest, api, vhost, depths }: FoundAction & OpenedManagement,
): Call {
  const named = values.name('vhost');
  const isEverywhere = values.flag('all-vhosts') === true;
  if (isEverywhere && named !== undefined) throw usage(action, '--vhost and --all-vhosts contradict each other');
  return {
    action,
    api,
    vhost: isEverywhere ? undefined : (named ?? vhost),
    rest,
    arg: (name) => args[name] ?? '',
    text: (name) => values.text(name),
    list: (name) => values.list(name),
    flag: (name) => values.flag(name),
    whole: (name, range) => values.whole(name, range),
    // A definitions file can be as large as an API answer.
    read: (file) => readText(context, file, { maxBytes: 64 * 1024 * 1024 }),
    write: async (file, text) => {
      await refuseInput(context, values, { file, from: nameOf(action) });
      await writeText(context, file, text);
    },
    depths,
    newPassword: () => newPassword(context, values, args['user'] ?? ''),
    control: (node, command) => controlOf(api.origin)(node, command),
    say: noteOf(context, 'admin'),
    usage: (message) => usage(action, message),
  };
}

async function writeText({ cwd, pid }: Context, file: string, text: string): Promise<void> {
  try {
    const path = resolve(cwd, file);
    // Only the target of a symbolic link is replaced. A device or pipe cannot be replaced, so mq writes to it directly.
    const real = await promises.realpath(path).catch(() => path);
    const isOther = await promises.stat(real).then(
      (found) => !found.isFile(),
      () => false,
    );
    await (isOther ? promises.writeFile(real, text) : replaceFile(real, text, `${real}.tmp-${pid}`));
  } catch (error) {
    throw new MqError('CANNOT_CREATE', `cannot write ${file}: ${asMqError(error).message}`, { at: file, cause: error });
  }
}

/**
 * Replaces a file atomically: the old content stays until the new one is complete. Only the user may read it, because
 * definitions contain password hashes.
 */
async function replaceFile(path: string, text: string, draft: string): Promise<void> {
  const handle = await promises.open(draft, 'wx', 0o600);
  try {
    await handle.writeFile(text).finally(() => handle.close());
    await promises.rename(draft, path);
  } catch (error) {
    await promises.rm(draft, { force: true });
    throw error;
  }
}

/** Returns the new password. It is never an argument, because all users of the machine can read arguments. */
async function newPassword(context: Context, values: Values, user: string): Promise<string> {
  const file = values.name('new-password-file');
  const given = file === undefined ? (await secretOf(context, 'MQ_NEW_PASSWORD'))?.text : await secretIn(context, file);
  const password = given ?? (canAsk(context) ? await typed(context, user) : undefined);
  if (password === undefined)
    throw new MqError('USAGE', `the new password of '${user}' is missing`, {
      hint: 'set MQ_NEW_PASSWORD or MQ_NEW_PASSWORD_FILE, or use --new-password-file FILE (- is standard input)',
    });
  if (password === '') throw new MqError('USAGE', `the new password of '${user}' is empty`);
  return password;
}

async function typed(context: Context, user: string): Promise<string | undefined> {
  const password = await hiddenLine(context, `new password of ${user}`);
  if (password === undefined) return undefined;
  if (password !== (await hiddenLine(context, 'again')))
    throw new MqError('USAGE', 'the two passwords are not the same');
  return password;
}
