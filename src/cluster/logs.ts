// Reads the output of a node.

import { Readable } from 'node:stream';
import { StringDecoder } from 'node:string_decoder';
import { stripVTControlCharacters } from 'node:util';
import { MqError } from '../errors.ts';
import { ask, type Docker, dockerError } from './docker.ts';
import type { ClusterNode } from './node.ts';

/** Returns the node's output since its first start, or its last `lines`. */
export async function nodeLogs(docker: Docker, node: ClusterNode, lines?: number): Promise<string> {
  const container = docker.container.getById(node.containerId);
  const tail = lines === undefined ? {} : { tail: lines };
  const frames = await ask(`reading the logs of ${node.host}`, () =>
    container.logs({ stdout: true, stderr: true, follow: false, ...tail }),
  );
  // RabbitMQ 4.3 ends its lines with a colour code even without a terminal.
  return frames === undefined ? '' : stripVTControlCharacters(withoutFrames(frames));
}

/**
 * Calls `onLine` with each line of the node's output, starting with its last `lines`, until the node ends or the signal
 * aborts. It waits for `onLine` before it reads more, and rejects if `onLine` rejects.
 */
export async function followLogs(
  docker: Docker,
  node: ClusterNode,
  { lines, signal, onLine }: { lines: number; signal: AbortSignal; onLine: (line: string) => Promise<void> },
): Promise<void> {
  const container = docker.container.getById(node.containerId);
  const stream = await ask(`reading the logs of ${node.host}`, () =>
    container.logs({ stdout: true, stderr: true, follow: true, tail: lines }),
  );
  if (stream === undefined || signal.aborted) return;
  // dockerode declares a narrower type, but returns the body of an HTTP answer.
  if (!(stream instanceof Readable)) throw new MqError('BUG', `the logs of ${node.host} are not a stream`);
  const chunks: AsyncIterable<Buffer> = stream;
  const end = () => stream.destroy();
  signal.addEventListener('abort', end, { once: true });
  const decoder = new StringDecoder('utf8');
  let frames = Buffer.alloc(0);
  let text = '';
  const pass = (lines: readonly string[]) => Promise.all(lines.map((line) => onLine(stripVTControlCharacters(line))));
  try {
    for await (const chunk of chunks) {
      frames = Buffer.concat([frames, chunk]);
      const { pieces, rest } = unframed(frames);
      frames = Buffer.from(rest);
      const written = (text + decoder.write(Buffer.concat(pieces))).split('\n');
      text = written.pop() ?? '';
      await pass(written);
    }
  } catch (error) {
    if (!signal.aborted) throw dockerError(`reading the logs of ${node.host}`, error);
  } finally {
    signal.removeEventListener('abort', end);
  }
  // A killed node may leave an incomplete line.
  text += decoder.end();
  if (text !== '') await pass([text]);
}

function withoutFrames(frames: Buffer): string {
  return Buffer.concat(unframed(frames).pieces).toString('utf8');
}

// Docker Engine API, "Attach to a container", stream format: each piece has a header of eight bytes, of which the last
// four are its length.
function unframed(frames: Buffer): { pieces: Buffer[]; rest: Buffer } {
  const pieces: Buffer[] = [];
  let at = 0;
  while (at + 8 <= frames.length) {
    const end = at + 8 + frames.readUInt32BE(at + 4);
    if (end > frames.length) break;
    pieces.push(frames.subarray(at + 8, end));
    at = end;
  }
  return { pieces, rest: frames.subarray(at) };
}
