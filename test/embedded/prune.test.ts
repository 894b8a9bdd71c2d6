// Something changes while mq apply --prune watches the queues: a message arrives, a signal, or a failed deletion.

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { parseManagement } from '../../src/admin/address.ts';
import { Management } from '../../src/admin/client.ts';
import { runSteps } from '../../src/apply/engine.ts';
import { pruneSteps } from '../../src/apply/prune.ts';
import type { Target } from '../../src/apply/step.ts';
import { parseAddresses } from '../../src/config/address.ts';
import { MqError } from '../../src/errors.ts';
import { newCounts } from '../../src/session/counts.ts';
import { Session } from '../../src/session/session.ts';
import { compareTopology } from '../../src/topology/compare.ts';
import { liveTopology } from '../../src/topology/live.ts';
import { wantedTopology } from '../../src/topology/wanted.ts';
import { type Served, withManagement } from '../support/management.ts';
import { configOf } from '../unit/config/fixture.ts';

const config = configOf({
  vhosts: { '/': { exchanges: { kept: { type: 'topic' } } } },
  mq: { owns: ['kept', 'old*'] },
});

interface Pruning {
  readonly served: Served;
  /**
   * Deletes what the file does not define. `onProgress` is called while the queues are watched, and `onDone` after each
   * deletion.
   */
  readonly prune: (during?: { onProgress?: () => void; onDone?: () => void; signal?: AbortSignal }) => Promise<string>;
  readonly state: () => Promise<unknown>;
}

/** Runs `use` with the queue `old`, which two exchanges route to, and the exchange `old`. */
function withOld(use: (pruning: Pruning) => Promise<void>): Promise<void> {
  return withManagement(async (served) => {
    const { place, management, ask } = served;
    const channel = await place.channel();
    await channel.assertExchange('kept', 'topic');
    await channel.assertExchange('old', 'headers');
    for (const queue of ['old', 'older']) await channel.assertQueue(queue);
    await channel.bindQueue('old', 'kept', 'a.#');
    await channel.bindQueue('old', 'old', '', { 'x-match': 'any', n: 1, flag: true, there: null });
    await channel.bindQueue('older', 'old', 'k');
    const api = new Management({
      addresses: parseManagement(`http://127.0.0.1:${management.port}`, {
        at: '--management-url',
        login: { user: 'guest', password: 'guest' },
      }),
    });
    const list = async (kind: string) => (await ask(`GET /${kind}/%2F`)).body;
    const prune: Pruning['prune'] = async ({
      onProgress = () => undefined,
      onDone = () => undefined,
      signal = new AbortController().signal,
    } = {}) => {
      const found = await liveTopology((collection) => list(collection));
      const { differences } = compareTopology(wantedTopology(config, '/'), found);
      const session = new Session({
        config,
        addresses: parseAddresses(place.url(), { at: '--url', code: 'USAGE' }),
        role: 'apply',
        confirmTimeoutMs: 30_000,
        say: () => undefined,
        counts: newCounts(),
      });
      const at = { vhost: '/', name: '/' };
      const declarer: Target['declarer'] = () => session.declarer('/');
      const target: Target = { ...at, api, session, declarer, signal, onProgress, onResult: () => undefined };
      const { steps } = pruneSteps({ place: at, differences }, { dropsMessages: false, pauseMs: 50 });
      try {
        await runSteps(steps, { open: async () => target, signal, onStart: () => undefined, onDone });
        return 'done';
      } catch (error) {
        assert.instance(error, MqError);
        return `${(error as MqError).code} ${(error as MqError).problems.join('; ')}`.trim();
      } finally {
        await session.close();
      }
    };
    const state = async () => {
      const names = async (kind: string) => ((await list(kind)) as { name: string }[]).map(({ name }) => name);
      const bindings = ((await list('bindings')) as Record<string, unknown>[]).filter(({ source }) => source !== '');
      const all = bindings.map((one) => [one['source'], one['destination'], one['routing_key'], one['arguments']]);
      const exchanges = (await names('exchanges')).filter((name) => name !== '' && !name.startsWith('amq.'));
      return [exchanges, await names('queues'), all.map((one) => JSON.stringify(one)).toSorted()];
    };
    try {
      await use({ served, prune, state });
    } finally {
      api.close();
    }
  });
}

test('deletes owned objects that are not in use', () =>
  withOld(async ({ prune, state }) => {
    assert.is(await prune(), 'done');
    assert.equal(await state(), [['kept'], [], []]);
  }));

test('restores all bindings if a message arrives while the queues are watched', () =>
  withOld(async ({ served, prune, state }) => {
    const before = await state();
    const channel = await served.place.channel();
    const result = await prune({ onProgress: () => void channel.sendToQueue('older', Buffer.from('late')) });
    assert.is(result, 'IN_USE queue older: 1 message');
    assert.equal(await state(), before);
    await channel.purgeQueue('older');
    assert.is(await prune(), 'done');
  }));

test('removes the bindings before the queues are watched', () =>
  withOld(async ({ served, prune, state }) => {
    const channel = await served.place.channel();
    let isReturned = false;
    channel.on('return', () => {
      isReturned = true;
    });
    const onProgress = () => void channel.publish('kept', 'a.b', Buffer.from('x'), { mandatory: true });
    assert.is(await prune({ onProgress }), 'done');
    await channel.waitForConfirms();
    assert.ok(isReturned);
    assert.equal(await state(), [['kept'], [], []]);
  }));

test('restores all bindings after a signal', () =>
  withOld(async ({ prune, state }) => {
    const before = await state();
    const stop = new AbortController();
    assert.is(await prune({ onProgress: () => stop.abort('SIGTERM'), signal: stop.signal }), 'TERMINATED');
    assert.equal(await state(), before);
  }));

test('restores the bindings of what is left after a signal', () =>
  withOld(async ({ prune, state }) => {
    const stop = new AbortController();
    assert.is(await prune({ onDone: () => stop.abort('SIGINT'), signal: stop.signal }), 'INTERRUPTED');
    const binding = ['kept', 'old', 'a.#', {}];
    assert.equal(await state(), [['kept'], ['old', 'older'], [JSON.stringify(binding)]]);
    assert.is(await prune(), 'done');
  }));

test('finishes what an interrupted run has begun', () =>
  withOld(async ({ served, prune, state }) => {
    const channel = await served.place.channel();
    await channel.unbindQueue('old', 'kept', 'a.#');
    await channel.unbindQueue('older', 'old', 'k');
    await channel.deleteQueue('old');
    assert.is(await prune(), 'done');
    assert.equal(await state(), [['kept'], [], []]);
  }));

test('keeps a queue that gets a consumer while it is watched', () =>
  withOld(async ({ served, prune, state }) => {
    const before = await state();
    const channel = await served.place.channel();
    const onProgress = () => void channel.consume('old', () => undefined);
    assert.is(await prune({ onProgress }), 'IN_USE queue old: 1 consumer');
    assert.equal(await state(), before);
  }));

test.run();
