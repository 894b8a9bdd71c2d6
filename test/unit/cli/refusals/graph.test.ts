// Tests command lines that mq graph refuses.

import { test } from 'uvu';
import { rascal, refuses } from './rows.ts';

const files = rascal({ vhosts: { '/': { queues: ['orders'] } } });

refuses([
  {
    title: 'an argument of mq graph',
    args: ['graph', 'orders'],
    files,
    exit: 64,
    line: "mq graph: unexpected argument 'orders' [USAGE]",
    hint: 'mq graph --help',
  },
  {
    title: 'an unknown format of mq graph',
    args: ['graph', '--format', 'png'],
    files,
    exit: 64,
    line: "mq graph: --format must be text or mermaid or dot or svg or json or asyncapi, not 'png' [USAGE]",
    hint: 'mq graph --help',
  },
  {
    title: 'mq graph --depth without --focus',
    args: ['graph', '--depth', '2'],
    files,
    exit: 64,
    line: 'mq graph: --depth needs --focus [USAGE]',
    hint: 'mq graph --help',
  },
  {
    title: 'an unknown name of mq graph --focus',
    args: ['graph', '--focus', 'order'],
    files,
    exit: 64,
    line: "mq graph: the graph has no 'order'; did you mean 'orders'? [USAGE]",
    hint: 'mq graph --help',
  },
  {
    title: 'an unknown vhost of mq graph',
    args: ['graph', '--vhost', 'x'],
    files,
    exit: 64,
    line: "mq graph: rascal.json has no vhost 'x'; its vhosts are / [USAGE]",
    hint: 'mq graph --help',
  },
  {
    title: 'an unknown vhost of mq graph with another file',
    args: ['graph', '--vhost', 'none', '--config', 't.json'],
    files: { 't.json': '{"vhosts":{"/":{}}}' },
    exit: 64,
    line: "mq graph: t.json has no vhost 'none'; its vhosts are / [USAGE]",
    hint: 'mq graph --help',
  },
  {
    title: 'mq graph --live with a broker that does not answer',
    args: ['graph', '--live', '--management-url', 'http://127.0.0.1:1', '--trust-management'],
    files,
    exit: 69,
    line: 'mq graph: the management API at http://127.0.0.1:1: connection refused [UNAVAILABLE]',
    hint: /rabbitmq_management/,
  },
]);

test.run();
