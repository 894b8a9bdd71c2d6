// Tests the output of mq cluster status, and the shell assignments that mq cluster up prints.

import { spawnSync } from 'node:child_process';
import { Writable } from 'node:stream';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { drawStatus, envLines } from '../../../../../src/cli/commands/cluster/draw.ts';
import { announce } from '../../../../../src/cli/commands/cluster/up.ts';
import type { Cluster } from '../../../../../src/cluster/cluster.ts';
import type { NodeStatus } from '../../../../../src/cluster/status.ts';
import type { Context } from '../../../../../src/context.ts';

const node: NodeStatus = {
  host: 'mq1',
  state: 'running',
  isConnected: true,
  isMember: true,
  alarms: [],
  leads: 1,
  critical: ['queue task_queue'],
  amqp: '127.0.0.1:25672',
  management: 'http://127.0.0.1:25673',
};
const common = { name: 'lab', image: 'rabbitmq:4.3-management', version: '4.3.6' };

test('shows members, leaders and offline nodes of a cluster that lost a node', () => {
  const gone: NodeStatus = {
    ...node,
    host: 'mq2',
    state: 'stopped',
    isMember: false,
    leads: 0,
    critical: undefined,
    amqp: undefined,
    management: undefined,
  };
  const queue = { vhost: '/', name: 'task_queue', type: 'quorum', messages: 12, leader: 'mq1' };
  const drawn = drawStatus({
    ...common,
    nodes: [node, gone],
    queues: [{ ...queue, members: ['mq1', 'mq2'], online: ['mq1'] }],
    problems: ['mq2 is stopped: mq cluster start mq2'],
  });
  assert.is(
    drawn,
    `cluster lab: 1 of 2 members are running, RabbitMQ 4.3.6 (rabbitmq:4.3-management)

node  state    amqp             management              leads  alarms  quorum-critical
mq1   running  127.0.0.1:25672  http://127.0.0.1:25673  1      -       yes
mq2   stopped  -                -                       0      -       ?

vhost  queue       type    messages  leader  members (offline)
/      task_queue  quorum  12        mq1     mq1 (mq2)

mq2 is stopped: mq cluster start mq2`,
  );
});

test('shows a question mark for unknown values', () => {
  const silent: NodeStatus = { ...node, isMember: undefined, leads: 0, critical: undefined };
  const drawn = drawStatus({ ...common, nodes: [silent], queues: undefined, problems: ['no node answers'] });
  assert.match(drawn, 'cluster lab: ? of 1 members are running');
  assert.not.match(drawn, 'vhost');
});

test('prints assignments in single quotes', () => {
  const urls = ['amqp://mq:secret@127.0.0.1:1', 'amqp://mq:secret@127.0.0.1:2'];
  const managementUrls = ['http://mq:secret@127.0.0.1:15672', 'http://mq:secret@127.0.0.1:15673'];
  assert.is(
    envLines('lab', { urls, managementUrls }),
    `export MQ_CLUSTER='lab'\nexport MQ_URL='${urls.join(',')}'\nexport MQ_MANAGEMENT_URL='${managementUrls.join(',')}'`,
  );
});

test('escapes a quote in a value', () => {
  const hostile = "amqp://a'$(touch owned)'b@h/'";
  const text = envLines("it's", { urls: [hostile], managementUrls: [] });
  const { stdout } = spawnSync('sh', ['-c', `${text}; printf '%s\n' "$MQ_CLUSTER" "$MQ_URL"`], { encoding: 'utf8' });
  assert.is(stdout, `it's\n${hostile}\n`);
});

for (const isTTY of [true, false])
  test(`mq cluster up shows the password ${isTTY ? 'once on a terminal' : 'in the addresses only, for eval'}`, async () => {
    const texts = { stdout: '', stderr: '' };
    const output = (name: 'stdout' | 'stderr') => {
      const write = (chunk: Buffer, _: unknown, done: () => void) => {
        texts[name] += chunk;
        done();
      };
      return Object.assign(new Writable({ write }), { isTTY });
    };
    const node = (host: string, port: number) => ({
      host,
      url: `amqp://mq:s3cret@127.0.0.1:${port}`,
      managementUrl: `http://mq:s3cret@127.0.0.1:${port + 1}`,
      webStompUrl: '',
      prometheusUrl: '',
      user: 'mq',
      password: 's3cret',
    });
    const nodes = [node('mq1', 5672), node('mq2', 5772)];
    const [urls, managementUrls] = [nodes.map(({ url }) => url), nodes.map(({ managementUrl }) => managementUrl)];
    const cluster = { name: 'lab', nodes, urls, managementUrls } as unknown as Cluster;
    const context = { stdout: output('stdout'), stderr: output('stderr') } as unknown as Context;
    await announce(context, { cluster, isJson: false });
    const shown = texts.stdout + texts.stderr;
    assert.is(shown.split('s3cret').length - 1, isTTY ? 1 : 4, shown);
    assert.is(/^export /m.test(texts.stdout), !isTTY);
    if (isTTY) assert.match(texts.stderr, 'mq cluster url --env --name lab');
    else for (const line of texts.stdout.split('\n').filter((one) => one !== '')) assert.match(line, /^(export|#) /);
  });

test.run();
