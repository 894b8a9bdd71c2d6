// Lets a user without configure permission use what another user has declared (mq declare). If the broker refuses a
// declaration, mq checks that the item exists.

import { objectOf } from '../../config/plain.ts';
import type { RascalSettings } from '../../config/rascal-settings.ts';
import { MqError } from '../../errors.ts';

/** A queue or exchange with the broker's name. */
interface Refused {
  readonly kind: 'queue' | 'exchange';
  readonly name: string;
}

/**
 * Connects with the settings and declares what the user may declare. All other queues and exchanges must exist.
 * @throws MqError of the first refused declaration whose queue or exchange does not exist
 */
export async function openExisting<T>(
  settings: RascalSettings,
  open: (settings: RascalSettings) => Promise<T>,
): Promise<T> {
  const existing = new Map<string, 'check' | 'use'>();
  const refusals = new Map<string, MqError>();
  for (;;) {
    try {
      return await open(withExisting(settings, existing));
    } catch (error) {
      if (!(error instanceof MqError)) throw error;
      // If the error reports a missing item whose declaration was refused, the refusal is the cause.
      if (error.code === 'TOPOLOGY') throw [...refusals].find(([name]) => error.message.includes(name))?.[1] ?? error;
      const refused = refusedDeclaration(error);
      const key = refused && keyOf(refused);
      if (key === undefined || existing.get(key) === 'use' || existing.size >= mostRefused) throw error;
      if (!refusals.has(key)) refusals.set(key, new MqError(error.code, error.message, { hint, cause: error }));
      // RabbitMQ 4.3.0: a check also requires the configure permission, so after a refused check mq uses the item
      // unchecked.
      existing.set(key, existing.has(key) ? 'use' : 'check');
    }
  }
}

const hint = 'run mq declare with an account that has the configure permission, or grant it';
const mostRefused = 100;

/** Returns the item that the user may not declare, or `undefined` if the error has another cause. */
function refusedDeclaration({ code, message }: MqError): Refused | undefined {
  // RabbitMQ: the text of a 403 error names the permission since 3.13.
  const match = /(?:configure|refused:) access to (queue|exchange) '([^']*)' in vhost/.exec(message);
  const [, kind, name] = match ?? [];
  if (code !== 'NOT_PERMITTED' || !name || (kind !== 'queue' && kind !== 'exchange')) return undefined;
  return { kind, name };
}

/** Returns the settings in which these items are not declared, but only checked or used without a check. */
function withExisting(settings: RascalSettings, existing: ReadonlyMap<string, 'check' | 'use'>): RascalSettings {
  if (existing.size === 0) return settings;
  const vhosts = Object.entries(settings.vhosts).map(([vhostName, vhost]) => {
    const { namespace } = vhost;
    const prefix = typeof namespace === 'string' ? `${namespace}:` : '';
    const changed = (kind: Refused['kind']) =>
      Object.fromEntries(
        Object.entries(objectOf(vhost[`${kind}s`])).map(([name, item]) => {
          const mode = existing.get(keyOf({ kind, name: prefix + name }));
          if (mode === undefined) return [name, item];
          const { assert } = objectOf(item);
          return [name, { ...objectOf(item), assert: false, check: mode === 'check' && assert !== false }];
        }),
      );
    return [vhostName, { ...vhost, exchanges: changed('exchange'), queues: changed('queue') }] as const;
  });
  return { ...settings, vhosts: Object.fromEntries(vhosts) };
}

function keyOf({ kind, name }: Refused): string {
  return `${kind} '${name}'`;
}
