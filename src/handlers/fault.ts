// Checks for `mq check` whether a handler can start on this machine, without starting it.

import { resolve } from 'node:path';
import type { HandlerConfig } from '../config/role.ts';
import { childEnvironment } from './environment.ts';
import { locate, type ProgramContext } from './executable.ts';
import { fileFault } from './module-load.ts';

export interface HandlerFault {
  /** Path of the invalid value: a field, followed by the index of the word if the field is a list. */
  readonly path: readonly (string | number)[];
  readonly message: string;
}

/** Returns the reason if the handler cannot start, for example because its program or its module is missing. */
export function handlerFault(handler: HandlerConfig, { folder, env }: ProgramContext): HandlerFault | undefined {
  if ('module' in handler) {
    const message = fileFault(resolve(folder, handler.module), handler.module)?.message;
    return message === undefined ? undefined : { path: ['module'], message };
  }
  if (!('exec' in handler) && !('execLines' in handler)) return undefined;
  const field = 'exec' in handler ? 'exec' : 'execLines';
  const words = 'exec' in handler ? handler.exec : handler.execLines;
  const { env: set, passEnv = [], cleanEnv = false } = handler;
  const own = childEnvironment(env, { isClean: cleanEnv, pass: passEnv, ...(set && { set }) });
  const found = locate(words, { folder, env: own });
  return typeof found === 'string' ? undefined : { path: [field, found.word], message: found.message };
}
