import { EventEmitter } from 'node:events';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { Channel } from '../../../../src/session/channel.ts';
import { Watchdog } from '../../../../src/session/consuming/watchdog.ts';
import { until } from '../../../support/until.ts';

/**
 * Starts a watchdog on a broker that answers each check with a number of consumers, or closes the channel with an
 * error.
 */
async function watched(answers: readonly (number | Error)[], queue: () => string | undefined = () => 'q') {
  let looks = 0;
  let deaf = 0;
  let open = 0;
  const channel = async (): Promise<Channel> => {
    open += 1;
    const made = new EventEmitter();
    const close = () => {
      open -= 1;
      made.emit('close');
    };
    return Object.assign(made, {
      checkQueue: (_: string, next: (error: Error | null, ok?: object) => void) => {
        const answer = answers[looks] ?? 1;
        looks += 1;
        if (answer instanceof Error) {
          next(answer);
          made.emit('error', answer);
          close();
        } else next(null, { consumerCount: answer, messageCount: 0 });
      },
      close,
    }) as unknown as Channel;
  };
  const watchdog = new Watchdog({ channel }, { vhost: '/', queue, everyMs: 5, onMissing: () => (deaf += 1) });
  await until('all looks are done', () => looks > answers.length || queue() === undefined);
  watchdog.stop();
  await until('no channel is left', () => open === 0);
  return { deaf, looks };
}

test('reports a missing consumer after two consecutive checks without one', async () => {
  assert.is((await watched([0, 0])).deaf, 1);
  assert.is((await watched([0, 1, 0, 1])).deaf, 0);
  assert.is((await watched([0, new Error('403'), 0])).deaf, 0);
  assert.is((await watched([0, 0, 0, 0])).deaf, 2);
});

test('does not check while no queue is consumed', async () => {
  assert.equal(await watched([0, 0], () => undefined), { deaf: 0, looks: 0 });
});

test.run();
