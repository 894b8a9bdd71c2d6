// Defines how the last handled offset of a stream is stored: as a JSON object with the names of the vhost and the stream.

import { isObject } from '../../config/plain.ts';
import { MqError } from '../../errors.ts';

/** Stores the last handled offset of one stream. */
export interface OffsetStore {
  /** Offset of an earlier run. */
  readonly stored: number | undefined;
  /** Stores an offset soon. A later offset may replace it before it is stored. */
  save(offset: number): void;
  /** Resolves when the last offset is stored, or when that is not possible. Never rejects. */
  close(): Promise<void>;
}

/** Names of a stream. */
export interface StreamNames {
  readonly vhost: string;
  /** The broker's name of the queue. */
  readonly queue: string;
}

export function recordOf({ vhost, queue }: StreamNames, offset: number): string {
  return JSON.stringify({ vhost, queue, offset });
}

/**
 * Returns the offset of a record, or `undefined` if the text is not a whole record.
 * @param where name of the file or queue, for the error message
 * @throws MqError BAD_DATA if the record belongs to another stream
 */
export function offsetOfRecord(text: string, { vhost, queue }: StreamNames, where: string): number | undefined {
  const record = parsed(text);
  if (!isObject(record) || !Number.isSafeInteger(record['offset'])) return undefined;
  if (record['queue'] === queue && record['vhost'] === vhost) return Number(record['offset']);
  throw new MqError('BAD_DATA', `${where} contains the offset of another stream, '${String(record['queue'])}'`, {
    hint: 'use one file or name for each stream',
  });
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
