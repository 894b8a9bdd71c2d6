// Reads variables of the environment that choose a broker or a login.

import { MqError } from '../../errors.ts';

/**
 * Returns the value of the variable, or `undefined` if it is not set. An empty variable is an error, because a script
 * whose variable is empty by mistake would otherwise use another broker or login.
 * @throws MqError USAGE if the variable is empty
 */
export function filled(env: Readonly<Record<string, string | undefined>>, variable: string): string | undefined {
  const value = env[variable];
  if (value !== '') return value;
  throw new MqError('USAGE', `${variable} is empty`, { at: variable, hint: 'unset it, or set its value' });
}
