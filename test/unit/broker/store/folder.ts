// Opens stores in a temporary folder, for tests.

import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Store, StoreOptions } from '../../../../src/broker/store/contract.ts';
import { openStore } from '../../../../src/broker/store.ts';

/** Calls `run` with an empty folder, and removes the folder afterwards. */
export async function withFolder(run: (folder: string) => Promise<void>): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'mq-store-'));
  try {
    await run(folder);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** Opens a store with a process id that no process has. */
export function open(folder: string, options: Partial<StoreOptions> = {}): Promise<Store> {
  return openStore(folder, { pid: 4_000_000, isAlive: () => false, ...options });
}

/** Opens and closes a store. Returns its recovered contents. */
export async function recoveredIn(folder: string, options: Partial<StoreOptions> = {}): Promise<Store['recovered']> {
  const store = await open(folder, options);
  await store.close();
  return store.recovered;
}

export function committed(store: Store): Promise<void> {
  return new Promise((done, refuse) => store.committed((error) => (error === undefined ? done() : refuse(error))));
}

/** Enqueues a message that does not expire. */
export function enqueue(store: Store, body: string | Buffer, ...queues: string[]): number {
  const message = { exchange: 'logs', routingKey: 'a.b', content: Buffer.from(body), propertiesLength: 0 };
  return store.enqueue(
    message,
    queues.map((queue) => ({ queue, expiresAt: undefined })),
  );
}

/** Returns `queue: body` for each entry. */
export function shown({ entries }: Store['recovered']): string[] {
  return entries.map(({ queue, message }) => `${queue}: ${message.content}`);
}

export function segments(folder: string): string[] {
  const names = readdirSync(folder).filter((name) => name.endsWith('.log'));
  return names.sort().map((name) => join(folder, name));
}

export function bytesOf(path: string | undefined): Buffer {
  return readFileSync(path ?? '');
}
