// Opens the session of a command that reads, records, replays, moves or cancels messages.

import type { Config, ConnectionConfig } from '../../config/config.ts';
import type { Context } from '../../context.ts';
import type { Session } from '../../session/session.ts';
import type { Tracer } from '../../tracing.ts';
import type { Values } from '../arguments/values.ts';

interface SessionParts {
  readonly role: string;
  readonly config: Config;
  readonly addresses: readonly ConnectionConfig[] | undefined;
  readonly values: Values;
  readonly note: (text: string) => void;
  readonly tracer?: Tracer | undefined;
}

/** Opens the session. The signals end it. */
export async function openSession(
  signals: Pick<Context, 'drain' | 'abandon'>,
  { role, config, addresses, values, note, tracer }: SessionParts,
): Promise<Session> {
  const [{ Session }, { newCounts }] = await Promise.all([
    import('../../session/session.ts'),
    import('../../session/counts.ts'),
  ]);
  return new Session({
    config,
    addresses,
    role,
    confirmTimeoutMs: values.duration('timeout') ?? 60_000,
    limitsBlocking: values.text('timeout') !== undefined,
    say: ({ message }) => note(message),
    counts: newCounts(),
    tracer,
    signals,
  });
}

/** Returns the vhost of rascal.json that a command for queues and exchanges of a broker uses: `/`, else the first one. */
export function vhostOf({ vhosts }: Config): string {
  const names = Object.keys(vhosts);
  return names.includes('/') ? '/' : (names[0] ?? '/');
}
