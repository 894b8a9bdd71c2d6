// Opens the editor of the user on a temporary file.

import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Context } from '../../../context.ts';
import { escaped, MqError } from '../../../errors.ts';
import { childEnvironment } from '../../../handlers/environment.ts';
import { isConfirmed } from '../../input/question.ts';

interface EditorFile {
  edit(): Promise<Buffer>;
  editsAgain(problem: string): Promise<boolean>;
  end(result: { readonly keeps: boolean }): Promise<void>;
}

/** Stores the text in a file that only the user can read. VISUAL or EDITOR edits it, otherwise vi (POSIX: crontab). */
export async function editorFile(context: Context, text: Buffer): Promise<EditorFile> {
  const { env, stderr } = context;
  const folder = await mkdtemp(join(tmpdir(), 'mq-edit-'));
  const file = join(folder, 'message.txt');
  await writeFile(file, text, { mode: 0o600 });
  const editor = env['VISUAL'] || env['EDITOR'] || 'vi';
  return {
    async edit() {
      const end = await endOf(context, editor, file);
      if (end !== undefined) throw new MqError('ANSWER_NO', `the editor '${editor}' ${end}, so nothing was changed`);
      return readFile(file);
    },
    editsAgain(problem) {
      stderr.write(`${escaped(problem)}\n`);
      return isConfirmed(context, 'edit again?');
    },
    async end({ keeps }) {
      const isChanged = keeps && !(await readFile(file).catch(() => text)).equals(text);
      if (isChanged) stderr.write(`your changes are in ${escaped(file)}\n`);
      else await rm(folder, { recursive: true, force: true });
    },
  };
}

/** Runs the editor on the terminal. Returns how it failed, or `undefined`. */
function endOf({ cwd, env, spawn }: Context, editor: string, file: string): Promise<string | undefined> {
  return new Promise((resolve) => {
    // The variable may contain arguments, so a shell splits it, as git and crontab do. The editor gets no MQ_ variables,
    // because MQ_URL may contain the password of a named connection.
    const child = spawn('sh', ['-c', `${editor} "$@"`, editor, file], {
      cwd,
      env: childEnvironment(env, {}),
      stdio: 'inherit',
    });
    child.on('error', (error) => resolve(`cannot start: ${error.message}`));
    child.on('close', (status, signal) => {
      if (status === 0) resolve(undefined);
      else resolve(signal === null ? `ended with status ${status}` : `was ended by ${signal}`);
    });
  });
}
