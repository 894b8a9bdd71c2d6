// Publishes the messages of a recording for a test file.

import { PassThrough } from 'node:stream';
import type { ConnectionConfig } from '../config/config.ts';
import type { Sent } from '../contracts/by-destination.ts';
import { MqError } from '../errors.ts';
import type { ReplayTo } from '../harness/target.ts';
import { loginUserOf, RecordingReader, Stripper } from '../roles/replay.ts';
import type { Publisher } from '../session/publisher.ts';

interface Replay {
  /** Absolute path. */
  readonly path: string;
  readonly to: ReplayTo | undefined;
  /** Called before each message with the recorded pause before it, in milliseconds. */
  readonly pause: (milliseconds: number) => Promise<void>;
  readonly addresses: readonly ConnectionConfig[];
  readonly open: () => Promise<Publisher>;
  /** Returns the error of a message that does not match the schema of its publication. */
  readonly errorOf: ((message: Sent & { readonly body: Buffer }) => MqError | undefined) | undefined;
}

/** Returns the number of messages, which are all confirmed. Throws the first failure. */
export async function replayRecording({ path, to, pause, addresses, open, errorOf }: Replay): Promise<number> {
  await checkRecording(path);
  const stripper = new Stripper({ user: loginUserOf(addresses), keepsCopies: false });
  const publisher = await open();
  const reader = readerOf(path);
  let last: number | undefined;
  for await (const batch of reader.messages(new AbortController().signal)) {
    for (const { at, exchange, routingKey, properties, body } of batch) {
      if (at > (last ?? at)) await pause(at - (last ?? at));
      last = at;
      const place = to && 'queue' in to ? { exchange: '', routingKey: to.queue } : { exchange, routingKey, ...to };
      const error = errorOf?.({ ...place, body });
      if (error) throw error;
      const outcome = await publisher.publish({
        ...place,
        properties: stripper.strip(properties),
        body,
        mandatory: true,
      });
      if (outcome.type !== 'confirmed') throw outcome.error;
    }
  }
  return reader.count;
}

/** Throws BAD_DATA if the recording was cut off or changed, before anything is published. */
async function checkRecording(path: string): Promise<void> {
  const reader = readerOf(path);
  for await (const _ of reader.messages(new AbortController().signal));
  if (reader.problem !== undefined) throw new MqError('BAD_DATA', `${path}: ${reader.problem}`);
}

function readerOf(path: string): RecordingReader {
  return new RecordingReader({ path, cwd: '/', stdin: () => new PassThrough().end() });
}
