// Tests how the output of a node is split into lines.

import { Readable } from 'node:stream';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { Docker } from '../../../src/cluster/docker.ts';
import { followLogs } from '../../../src/cluster/logs.ts';
import type { ClusterNode } from '../../../src/cluster/node.ts';
import { MqError } from '../../../src/errors.ts';

const node = { host: 'mq1', containerId: 'x' } as ClusterNode;

/** Returns a Docker client that streams a node's output in these chunks. */
function dockerWith(chunks: readonly Buffer[]): Docker {
  const logs = async () => Readable.from(chunks);
  return { container: { getById: () => ({ logs }) } } as unknown as Docker;
}

function frame(bytes: Buffer): Buffer {
  const head = Buffer.from([1, 0, 0, 0, 0, 0, 0, 0]);
  head.writeUInt32BE(bytes.length, 4);
  return Buffer.concat([head, bytes]);
}

async function linesOf(chunks: readonly Buffer[]): Promise<string[]> {
  const lines: string[] = [];
  const onLine = async (line: string) => void lines.push(line);
  await followLogs(dockerWith(chunks), node, { lines: 10, signal: new AbortController().signal, onLine });
  return lines;
}

test('joins split characters and frames, and returns an incomplete last line', async () => {
  const text = Buffer.from('größe\nand the \u001b[31mlast');
  const cut = text.indexOf('ö') + 1;
  const whole = Buffer.concat([frame(text.subarray(0, cut)), frame(text.subarray(cut))]);
  const expected = ['größe', 'and the last'];
  assert.equal(await linesOf([whole.subarray(0, 8 + cut), whole.subarray(8 + cut)]), expected);
  assert.equal(await linesOf([...whole].map((byte) => Buffer.from([byte]))), expected);
});

test('waits until onLine resolves, and rejects with its error', async () => {
  const docker = dockerWith([frame(Buffer.from('one\n')), frame(Buffer.from('two\n'))]);
  const [asked, printed] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  const lines: string[] = [];
  const following = followLogs(docker, node, {
    lines: 10,
    signal: new AbortController().signal,
    onLine: (line) => {
      lines.push(line);
      asked.resolve();
      return printed.promise;
    },
  });
  await asked.promise;
  await new Promise((resolve) => setImmediate(resolve));
  assert.equal(lines, ['one']);
  printed.reject(new MqError('IO', 'cannot write to stdout: EPIPE'));
  const error = await following.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  assert.is((error as MqError).code, 'IO');
});

test.run();
