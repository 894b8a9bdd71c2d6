// Tests the retry settings of the file, of a subscription and of a role, and the names to which they refer.

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { Config } from '../../../src/config/config.ts';
import { deadLetterWarning, retryOf } from '../../../src/config/retry-queues.ts';
import { isReceiving, type RetryConfig } from '../../../src/config/role.ts';
import { configOf, linesOf } from './fixture.ts';

const delays = [1000, 5000, 30000, 120000];
const consume = (retry?: unknown) => ({
  behaviour: 'consume',
  subscription: 'task',
  ...(retry !== undefined && { retry }),
});
function retryOfRole(config: Config): RetryConfig {
  const role = config.roles['r'];
  return role && isReceiving(role) ? retryOf(config, role.subscriptions[0] ?? '', role.retry) : config.retry;
}
const retryIn = (mq: object) => {
  const config = configOf({ mq });
  return retryOfRole(config);
};

const lined = (file: unknown) => linesOf(file).map((line) => line.replace(/^f:\d+:\d+: /, ''));

test('prefers the settings of a role to its subscription and the file', () => {
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

test('turns retries off with false, and on again for a role', () => {
  assert.equal(retryIn({ roles: { r: consume(false) } }), { attempts: 1, delays, deadLetter: false });
  const subscriptions = { task: { retry: false } };
  assert.equal(retryIn({ roles: { r: consume() }, subscriptions }).deadLetter, false);
  assert.equal(retryIn({ roles: { r: consume({ attempts: 7, deadLetter: { queue: 'hello' } }) }, subscriptions }), {
    attempts: 7,
    delays,
    deadLetter: { queue: 'hello' },
  });
});

test('reports every invalid setting and reference of retry', () => {
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
  assert.equal(lined(file), [
    'mq.retry.deadLetter.publication: unknown publication "taks" (did you mean "task"?)',
    'mq.subscriptions.tsk: unknown subscription "tsk" (did you mean "task"?)',
    'mq.subscriptions.task.retry.deadLetter: sets both a publication and a queue; keep one',
    'mq.subscriptions.task.retry.deadLetter.queue: unknown queue "helo" (did you mean "hello"?)',
    'mq.subscriptions.rpc.retry.deadLetter.queue: unknown queue "far"',
    'mq.subscriptions.logs.retry.deadLetter: requires a publication or a queue',
    'mq.subscriptions.logs.retri: unknown key (did you mean "retry"?)',
    'mq.roles.a.retry.onFail: must be retry, dead-letter, requeue, drop or exit, not "rety" (did you mean "retry"?)',
    'mq.roles.a.retry.attempts: must be a whole number of 1 or more, not 0',
    'mq.roles.b.retry: must be an object or false',
    'mq.roles.c.retry.deadLetter.publication: is in the vhost "v", but the subscription is in "/"',
    'mq.roles.d.retry.deadLetter: must be an object or false',
    'mq.roles.e.retry: a publish role does not accept "retry"; remove it',
  ]);
});

test('requires the common dead-letter target in the vhost of each role', () => {
  const file = (retry: object, own: object = {}) => ({
    vhosts: { v: { queues: { far: {} }, subscriptions: { far: { queue: 'far' } } } },
    mq: { retry, roles: { r: { consume: 'far', ...own } } },
  });
  const here = { deadLetter: { queue: 'hello' } };
  const elsewhere = 'mq.retry.deadLetter.queue: is not in the vhost "v" of the role "r"';
  assert.equal(lined(file(here)), [elsewhere]);
  assert.equal(lined(file({ deadLetter: { publication: 'task' } })), [elsewhere.replace('queue', 'publication')]);
  assert.equal(lined(file({ deadLetter: { queue: 'far' } })), []);
  assert.equal(lined(file(here, { retry: { deadLetter: { queue: 'far' } } })), []);
  assert.equal(lined(file(here, { retry: false })), []);
});

test('requires a wait queue of the file to return to its work queue', () => {
  const waits = (options: object) =>
    lined({ vhosts: { '/': { queues: { q: {}, 'q.retry.50': { options }, 'other.retry.9': {} } } } });
  const wrong = [
    'vhosts["/"].queues["q.retry.50"]: a wait queue of "q" requires x-message-ttl 50, x-dead-letter-exchange "" and x-dead-letter-routing-key "q"',
  ];
  assert.equal(waits({}), wrong);
  const back = { 'x-message-ttl': 50, 'x-dead-letter-exchange': '', 'x-dead-letter-routing-key': 'q' };
  assert.equal(waits({ arguments: back }), []);
  assert.equal(waits({ arguments: { ...back, 'x-message-ttl': 5 } }), wrong);
  assert.equal(waits({ arguments: { ...back, 'x-dead-letter-routing-key': 'r' } }), wrong);
  assert.equal(waits({ messageTtl: 50, deadLetterExchange: '', deadLetterRoutingKey: 'q' }), []);
});

test('warns a role whose dead letters have no target', () => {
  const warning = (retry: object | false, options: object = {}) => {
    const config = configOf({
      vhosts: { '/': { queues: { q: { options } } } },
      subscriptions: { s: { queue: 'q' } },
      mq: { roles: { r: { consume: 's', retry } } },
    });
    return deadLetterWarning(config, 's', retryOfRole(config));
  };
  assert.match(warning(false) ?? '', /^failed messages are lost, because the queue q has no dead-letter queue/);
  assert.ok(warning({ deadLetter: false, attempts: 3 }));
  assert.is(warning({}), undefined);
  assert.is(warning({ deadLetter: false, onFail: 'exit' }), undefined);
  assert.is(warning(false, { arguments: { 'x-dead-letter-exchange': 'dead' } }), undefined);
  assert.is(warning(false, { deadLetterExchange: 'dead' }), undefined);
});

test.run();
