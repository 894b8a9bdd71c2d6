// Reads how much a queue is used at this moment, because RabbitMQ's statistics are some seconds old.

import { withoutStatistics } from '../admin/depths.ts';
import { apiPath, query } from '../admin/path.ts';
import { refusal } from '../admin/refusal.ts';
import { objectOf } from '../config/plain.ts';
import { counted } from '../topology/object-text.ts';
import { type NotReady, notReadyIn } from './not-ready.ts';
import type { Target } from './step.ts';

interface Source extends Pick<Target, 'api' | 'vhost'> {
  /** Returns exact depths over AMQP, without queues that do not exist or are not available. */
  readonly depths: (queues: readonly string[]) => Promise<ReadonlyMap<string, { ready: number; consumers: number }>>;
}

/** Queues in one reading of depths, which has a time limit. */
const mostDepths = 50;

export interface QueueUse extends NotReady {
  readonly type: string;
  /** All messages, also those that are not ready. `undefined` if they cannot be counted. */
  readonly messages: number | undefined;
  /** `undefined` if they cannot be counted. */
  readonly consumers: number | undefined;
}

/**
 * Returns the use of the queues that exist. AMQP counts ready messages and consumers exactly; only the API counts
 * unacknowledged messages and those that are held back. RabbitMQ 4.0.5, 4.3.6: the API is exact for classic queues and up
 * to 5 s late for quorum queues. The ready messages of a stream are up to 1 s late.
 */
export async function usesOf(source: Source, queues: readonly string[]): Promise<Map<string, QueueUse>> {
  const uses = new Map<string, QueueUse>();
  if (queues.length === 0) return uses;
  let depths: Awaited<ReturnType<Source['depths']>> = new Map();
  for (const [at, name] of queues.entries()) {
    if (at % mostDepths === 0) depths = await source.depths(queues.slice(at, at + mostDepths));
    const found = await described(source, name);
    if (found === undefined) continue;
    const depth = depths.get(name);
    const { messages: all } = found;
    const isRunning = found['state'] === undefined || found['state'] === 'running';
    const isCounted = isRunning && depth !== undefined && (typeof all === 'number' || found['type'] === 'stream');
    uses.set(name, {
      type: String(found['type']),
      messages: isCounted ? Math.max(Number(all ?? 0), depth.ready) : undefined,
      ...notReadyIn(found),
      consumers: depth?.consumers,
    });
  }
  return uses;
}

/** Returns the queue as the API describes it, or `undefined` if it does not exist. */
async function described({ api, vhost }: Source, name: string) {
  const path = apiPath`/queues/${vhost}/${name}` + query(withoutStatistics);
  const answer = await api.ask('GET', path);
  if (answer.status === 404) return undefined;
  if (answer.status !== 200) throw refusal(answer, { method: 'GET', path, api });
  return objectOf(answer.body);
}

/** Returns what keeps a queue from being deleted: `2 consumers`. Returns `undefined` if it may be deleted. */
export function useText(use: QueueUse, { dropsMessages }: { dropsMessages: boolean }): string | undefined {
  const { messages, unacknowledged, consumers } = use;
  if (consumers === undefined) return 'its consumers cannot be counted';
  const parts = [
    ...(messages === undefined && !dropsMessages ? ['messages that cannot be counted'] : []),
    ...(messages !== undefined && messages > 0 && !dropsMessages ? [messagesText(messages, unacknowledged)] : []),
    ...(consumers > 0 ? [counted(consumers, 'consumer')] : []),
  ];
  return parts.length === 0 ? undefined : parts.join(' and ');
}

function messagesText(messages: number, unacknowledged: number): string {
  return `${counted(messages, 'message')}${unacknowledged > 0 ? ` (${unacknowledged} unacknowledged)` : ''}`;
}
