// What an action gets of a command line: its arguments and options, files, and the new password of a user.

import { open, realpath, rename, rm, stat, writeFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import type { Call } from '../admin/action.ts';
import type { Context } from '../context.ts';
import { MqError } from '../errors.ts';
import { controlOf } from './admin-control.ts';
import { type FoundAction, usage } from './admin-words.ts';
import { readText } from './files.ts';
import type { OpenedManagement } from './management.ts';
import { noteOf } from './output.ts';
import { secretIn, secretOf } from './password.ts';
import { canAsk, hiddenLine } from './question.ts';
import type { Values } from './values.ts';

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
    // Definitions are as large as the answers that hold them.
    read: (file) => readText(context, file, { maxBytes: 64 * 1024 * 1024 }),
    write: (file, text) => writeText(context, file, text),
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
    // What a link leads to is replaced, not the link. A device or pipe is no file that could be.
    const real = await realpath(path).catch(() => path);
    const isOther = await stat(real).then(
      (found) => !found.isFile(),
      () => false,
    );
    await (isOther ? writeFile(real, text) : replaceFile(real, text, `${real}.tmp-${pid}`));
  } catch (error) {
    throw new MqError('CANNOT_CREATE', `cannot write ${file}: ${(error as Error).message}`, { at: file, cause: error });
  }
}

/** What was there stays until the new one is whole. For the user alone: definitions hold hashes of passwords. */
async function replaceFile(path: string, text: string, draft: string): Promise<void> {
  const handle = await open(draft, 'wx', 0o600);
  try {
    await handle.writeFile(text).finally(() => handle.close());
    await rename(draft, path);
  } catch (error) {
    await rm(draft, { force: true });
    throw error;
  }
}

/** It never stands on the command line, where everybody on the machine could read it. */
async function newPassword(context: Context, values: Values, user: string): Promise<string> {
  const file = values.name('new-password-file');
  const given = file === undefined ? (await secretOf(context, 'MQ_NEW_PASSWORD'))?.text : await secretIn(context, file);
  const password = given ?? (canAsk(context) ? await typed(context, user) : undefined);
  if (password === undefined)
    throw new MqError('USAGE', `the new password of '${user}' is missing`, {
      hint: '--new-password-file FILE (- is standard input), MQ_NEW_PASSWORD, or MQ_NEW_PASSWORD_FILE',
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
