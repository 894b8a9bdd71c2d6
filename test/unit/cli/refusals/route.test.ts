// Tests command lines that mq route refuses.

import { test } from 'uvu';
import { rascal, refuses } from './rows.ts';

const exchanges = { e: { type: 'topic' }, hidden: { options: { internal: true } } };
const files = rascal({
  vhosts: { '/': { exchanges, queues: ['q'] }, shop: { exchanges: ['e'] } },
  publications: { orders: { vhost: 'shop', exchange: 'e' } },
});

refuses([
  {
    title: 'mq route without arguments',
    args: ['route'],
    files,
    exit: 64,
    line: 'mq route: give a publication, or an exchange and a routing key [USAGE]',
    hint: 'mq route --help',
  },
  {
    title: 'a third argument of mq route',
    args: ['route', 'e', 'k', 'x'],
    files,
    exit: 64,
    line: "mq route: unexpected argument 'x' [USAGE]",
    hint: 'mq route --help',
  },
  {
    title: 'mq route with an unknown publication',
    args: ['route', 'order'],
    files,
    exit: 64,
    line: "mq route: there is no publication 'order'; did you mean 'orders'? [USAGE]",
    hint: "mq route 'order' KEY, for a message to the exchange 'order'",
  },
  {
    title: 'mq route with an exchange and no key',
    args: ['route', 'e'],
    files,
    exit: 64,
    line: "mq route: a message to the exchange 'e' needs a routing key [USAGE]",
    hint: "mq route 'e' KEY, for a message to the exchange 'e'",
  },
  {
    title: 'mq route with an exchange of several vhosts',
    args: ['route', 'e', 'k'],
    files,
    exit: 64,
    line: "mq route: several vhosts have an exchange 'e': /, shop [USAGE]",
    hint: 'select one with --vhost',
  },
  {
    title: 'mq route with the default exchange of several vhosts',
    args: ['route', '', 'q'],
    files,
    exit: 64,
    line: 'mq route: rascal.json has several vhosts: /, shop [USAGE]',
    hint: 'select one with --vhost',
  },
  {
    title: 'mq route with an unknown vhost',
    args: ['route', 'e', 'k', '--vhost', 'x'],
    files,
    exit: 64,
    line: "mq route: rascal.json has no vhost 'x'; its vhosts are /, shop [USAGE]",
    hint: 'mq route --help',
  },
  {
    title: 'mq route with a publication of another vhost',
    args: ['route', 'orders', '--vhost', '/'],
    files,
    exit: 64,
    line: "mq route: the publication 'orders' is in the vhost 'shop' [USAGE]",
    hint: 'mq route --help',
  },
  {
    title: 'mq route with an unknown exchange',
    args: ['route', 'hiden', 'k', '--vhost', '/'],
    files,
    exit: 78,
    line: "mq route: there is no exchange 'hiden' in the vhost '/' of rascal.json [TOPOLOGY]",
    hint: "did you mean 'hidden'?",
  },
  {
    title: 'mq route with an internal exchange',
    args: ['route', 'hidden', 'k'],
    files,
    exit: 77,
    line: "mq route: RabbitMQ refuses a publish to the internal exchange 'hidden' (403) [NOT_PERMITTED]",
    hint: 'only other exchanges route messages to it',
  },
  {
    title: 'mq route with a key that is too long for AMQP',
    args: ['route', 'e', 'k'.repeat(256), '--vhost', '/'],
    files,
    exit: 64,
    line: 'mq route: the routing key has 256 bytes; AMQP allows 255 [USAGE]',
    hint: 'mq route --help',
  },
  {
    title: 'mq route with a header CC that is no list',
    args: ['route', 'e', 'k', '--vhost', '/', '--header', 'CC=x'],
    files,
    exit: 65,
    line: 'mq route: RabbitMQ would refuse this: invalid message: {unacceptable_type_in_header,"CC",longstr} [BAD_DATA]',
  },
  {
    title: 'mq route --live with a broker that does not answer',
    args: ['route', '', 'q', '--live', '--vhost', '/', '--management-url', 'http://127.0.0.1:1', '--trust-management'],
    files,
    exit: 69,
    line: 'mq route: the management API at http://127.0.0.1:1: connection refused [UNAVAILABLE]',
    hint: /rabbitmq_management/,
  },
]);

test.run();
