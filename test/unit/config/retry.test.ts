// mq.retry: of the file, of a subscription, of a role; and what it may refer to.

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { retryOf } from '../../../src/config/retry.ts';
import { configOf, linesOf } from './fixture.ts';

const delays = [1000, 5000, 30000, 120000];
const consume = (retry?: unknown) => ({
  behaviour: 'consume',
  subscription: 'task',
  ...(retry !== undefined && { retry }),
});
const retryIn = (mq: object) => {
  const config = configOf({ mq });
  return retryOf(config, config.roles['r'] ?? {});
};

test('the settings of a role go before those of its subscription, those before the ones of the file, those before the built-in ones', () => {
  const roles = { r: consume({ attempts: 2 }) };
  const subscriptions = { task: { retry: { attempts: 3, delays: [3] } } };
  const retry = { attempts: 4, delays: [4], deadLetter: { queue: 'hello' } };
  assert.equal(retryIn({ roles: { r: consume() } }), { attempts: 5, delays });
  assert.equal(retryIn({ roles: { r: consume() }, retry: { attempts: 4 } }), { attempts: 4, delays });
  assert.equal(retryIn({ roles: { r: consume() }, retry, subscriptions }), { ...retry, attempts: 3, delays: [3] });
  assert.equal(retryIn({ roles, retry, subscriptions }), { ...retry, attempts: 2, delays: [3] });
  assert.equal(retryIn({ roles: { r: consume({ deadLetter: { publication: 'logs' } }) }, retry }).deadLetter, {
    publication: 'logs',
  });
});

test('false means one attempt and no dead-letter queue, and a role may have it back', () => {
  assert.equal(retryIn({ roles: { r: consume(false) } }), { attempts: 1, delays, deadLetter: false });
  const subscriptions = { task: { retry: false } };
  assert.equal(retryIn({ roles: { r: consume() }, subscriptions }).deadLetter, false);
  assert.equal(retryIn({ roles: { r: consume({ attempts: 7, deadLetter: { queue: 'hello' } }) }, subscriptions }), {
    attempts: 7,
    delays,
    deadLetter: { queue: 'hello' },
  });
});

test('every wrong setting and reference of retry is found, with what was probably meant', () => {
  const file = {
    vhosts: { v: { queues: { far: {} } } },
    publications: { far: { vhost: 'v', queue: 'far' } },
    mq: {
      retry: { deadLetter: { publication: 'taks' } },
      subscriptions: {
        tsk: { retry: { attempts: 2 } },
        task: { retry: { deadLetter: { queue: 'helo', publication: 'task' } } },
        rpc: { retry: { deadLetter: { queue: 'far' } } },
        logs: { retry: { deadLetter: {} }, retri: {} },
      },
      roles: {
        a: consume({ onFail: 'rety', attempts: 0 }),
        b: consume(true),
        c: { consume: 'task', retry: { deadLetter: { publication: 'far' } } },
        d: consume({ deadLetter: true }),
        e: { publish: 'task', retry: {} },
      },
    },
  };
  assert.equal(
    linesOf(file).map((line) => line.replace(/^f:\d+:\d+: /, '')),
    [
      'mq.retry.deadLetter.publication: unknown publication "taks" (did you mean "task"?)',
      'mq.subscriptions.tsk: unknown subscription "tsk" (did you mean "task"?)',
      'mq.subscriptions.task.retry.deadLetter: has a publication and a queue: one of them',
      'mq.subscriptions.task.retry.deadLetter.queue: unknown queue "helo" (did you mean "hello"?)',
      'mq.subscriptions.rpc.retry.deadLetter.queue: unknown queue "far"',
      'mq.subscriptions.logs.retry.deadLetter: needs a publication or a queue',
      'mq.subscriptions.logs.retri: unknown key (did you mean "retry"?)',
      'mq.roles.a.retry.onFail: must be retry, dead-letter, requeue, drop or exit, not "rety" (did you mean "retry"?)',
      'mq.roles.a.retry.attempts: must be a whole number of 1 or more, not 0',
      'mq.roles.b.retry: must be an object, or false',
      'mq.roles.c.retry.deadLetter.publication: is of the vhost "v", the subscription of "/"',
      'mq.roles.d.retry.deadLetter: must be an object, or false',
      'mq.roles.e.retry: a publish role has no retry',
    ],
  );
});

test.run();
