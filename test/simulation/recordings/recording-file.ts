// Reads the file of a recording without the code of mq, to check what mq reports about it.

import { exitStatuses } from '../../../src/errors.ts';
import type { SimulatedProcess } from '../world/process.ts';

interface RecordingFile {
  /** The lines of the messages that are complete. */
  readonly messages: readonly string[];
  /** True if the file has its last line, and nothing behind it. */
  readonly isComplete: boolean;
}

/** Returns what the bytes contain. A file without its first line has no messages. */
export function recordingOf(bytes: Buffer | undefined): RecordingFile {
  const lines = (bytes ?? '').toString().split('\n');
  // The text behind the last newline is an incomplete line.
  const rest = lines.pop();
  const [, ...messages] = lines;
  const last = messages.at(-1);
  if (last?.startsWith('{"end":true') !== true) return { messages, isComplete: false };
  messages.pop();
  return { messages, isComplete: rest === '' && JSON.parse(last).count === messages.length };
}

/** Returns the bodies of the messages, which are texts. */
export function bodiesIn(bytes: Buffer | undefined): string[] {
  return recordingOf(bytes).messages.map((line) => JSON.parse(line).body);
}

type Ended = Pick<SimulatedProcess, 'end' | 'signals' | 'stderr'>;

/** Returns what is wrong in a file after the end of mq record. */
export function checkRecording({ end, signals, stderr }: Ended, bytes: Buffer | undefined): string[] {
  const { messages, isComplete } = recordingOf(bytes);
  const said = Number(/(\d+) messages? recorded/.exec(stderr)?.[1] ?? 0);
  if (said > messages.length) return [`reported ${said} messages, but its file has ${messages.length}`];
  // A third signal ends mq at once.
  const hasEnded = end?.status !== undefined && end.status !== exitStatuses.IO && signals.length < 3;
  const mustBeComplete = end?.status === 0 || (hasEnded && said > 0);
  return mustBeComplete && !(isComplete && said === messages.length)
    ? [`ended with ${end?.status}, but its file is not complete: ${messages.length} of ${said} messages`]
    : [];
}
