// Opens the store of a stream's offset: a file, or a queue of the broker.

import type { Session } from '../../session/session.ts';
import { OffsetFile } from './offset-file.ts';
import { OffsetQueue, type OffsetQueueParts } from './offset-queue.ts';
import type { OffsetStore } from './offset-record.ts';

interface OffsetStoreParts extends OffsetQueueParts {
  /** Path of the file. If `undefined`, the offset is stored in a queue for the reader `name`. */
  readonly file: string | undefined;
}

export async function openOffsetStore(session: Session, parts: OffsetStoreParts): Promise<OffsetStore> {
  const { file, stream, onError } = parts;
  return file === undefined ? OffsetQueue.open(session, parts) : OffsetFile.open({ path: file, stream, onError });
}
