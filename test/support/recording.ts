// Writes and reads recordings for tests.

import { PassThrough } from 'node:stream';
import type { RecordedMessage } from '../../src/roles/recording/line.ts';
import { RecordingReader } from '../../src/roles/recording/reader.ts';
import { RecordingWriter } from '../../src/roles/recording/writer.ts';

export type MadeMessage = Pick<RecordedMessage, 'body' | 'properties' | 'time'> &
  Partial<Pick<RecordedMessage, 'exchange' | 'routingKey'>>;

/** Writes a recording without mq record. */
export async function writeRecording(cwd: string, path: string, messages: readonly MadeMessage[]): Promise<void> {
  const writer = await RecordingWriter.create({ path, cwd, stdout: new PassThrough(), source: 'a test' });
  for (const message of messages) writer.add({ exchange: '', routingKey: 'nowhere', redelivered: false, ...message });
  await writer.end();
  await writer.close();
}

/** Returns the messages of a recording. Throws if it is not intact. */
export async function readRecording(cwd: string, path: string): Promise<RecordedMessage[]> {
  const reader = new RecordingReader({ path, cwd, stdin: () => new PassThrough() });
  const all: RecordedMessage[] = [];
  for await (const batch of reader.messages(new AbortController().signal)) all.push(...batch);
  if (reader.problem !== undefined) throw new Error(`${path}: ${reader.problem}`);
  return all;
}
