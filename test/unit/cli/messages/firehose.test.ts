// Tests that mq tap --firehose switches tracing off whenever it may have switched it on, and keeps the other settings.

import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { locateManagement } from '../../../../src/admin/address.ts';
import { Management } from '../../../../src/admin/client.ts';
import { Firehose } from '../../../../src/cli/messages/tap/firehose.ts';
import { objectOf } from '../../../../src/config/plain.ts';
import { MqError } from '../../../../src/errors.ts';

const settings = { description: 'the main one', tags: ['a', 'b'], default_queue_type: 'quorum' };
type Failure = 'before' | 'after';

/** A management API with one vhost. Like RabbitMQ, a PUT removes the values that it does not contain. */
class FakeApi {
  readonly vhost: Record<string, unknown>;
  readonly puts: unknown[] = [];
  readonly said: string[] = [];
  nodes = ['rabbit@a'];
  /** Bindings of the taps: their queues and arguments. */
  bindings: { destination: string; arguments: unknown }[] = [];
  /** The next PUT is not answered, and changes nothing or everything. */
  fails: Failure | undefined;
  readonly #server = createServer(async (request, response) => {
    const { url = '', method } = request;
    if (url.startsWith('/api/nodes')) return response.end(JSON.stringify(this.nodes.map((name) => ({ name }))));
    if (url.startsWith('/api/overview')) return response.end(JSON.stringify({ node: this.nodes[0] }));
    if (url === '/api/exchanges/%2F/amq.rabbitmq.trace/bindings/source')
      return response.end(JSON.stringify(this.bindings));
    assert.is(url, '/api/vhosts/%2F');
    if (method === 'GET') return response.end(JSON.stringify(this.vhost));
    let text = '';
    for await (const chunk of request) text += chunk;
    const failure = this.fails;
    this.fails = undefined;
    if (failure !== 'before') this.#put(objectOf(JSON.parse(text)));
    if (failure !== undefined) return request.socket.destroy();
    return response.writeHead(204).end();
  });

  constructor(tracing: boolean) {
    this.vhost = { name: '/', ...settings, tracing };
  }

  async use(run: (firehose: Firehose, other: Firehose) => Promise<void>): Promise<void> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve));
    const { port } = this.#server.address() as AddressInfo;
    const option = `http://guest:guest@127.0.0.1:${port}`;
    const { addresses } = locateManagement({ option, variable: undefined, connections: [] });
    const api = new Management({ addresses });
    try {
      const firehose = () => new Firehose({ api, vhost: '/', say: (text) => this.said.push(text) });
      await run(firehose(), firehose());
    } finally {
      api.close();
      this.#server.close();
      this.#server.closeAllConnections();
    }
  }

  /** Starts a tap: claims tracing, binds this queue, and switches tracing on. */
  async start(firehose: Firehose, queue = 'q'): Promise<void> {
    this.bindings.push({ destination: queue, arguments: await firehose.claim() });
    await firehose.on();
  }

  /** Ends a tap, whose queue is deleted first. */
  async end(firehose: Firehose, queue = 'q'): Promise<void> {
    this.bindings = this.bindings.filter(({ destination }) => destination !== queue);
    await firehose.off(queue);
  }

  #put(body: Readonly<Record<string, unknown>>): void {
    this.puts.push(body['tracing']);
    const { description, tags, default_queue_type, tracing } = body;
    Object.assign(this.vhost, { description, tags: String(tags).split(','), default_queue_type, tracing });
  }
}

const rejects = async (work: Promise<void>) => {
  const error = await work.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  assert.instance(error, MqError);
};

test('switches tracing on and off, and keeps the other settings', async () => {
  const api = new FakeApi(false);
  await api.use(async (firehose) => {
    await api.start(firehose);
    assert.equal(api.vhost, { name: '/', ...settings, tracing: true });
    await api.end(firehose);
    await api.end(firehose);
  });
  assert.equal(api.vhost, { name: '/', ...settings, tracing: false });
  assert.equal([api.puts, api.said], [[true, false], []]);
});

test('leaves tracing alone that was on before, and reports it', async () => {
  const api = new FakeApi(true);
  await api.use(async (firehose) => {
    await api.start(firehose);
    await api.end(firehose);
  });
  assert.equal([api.puts, api.vhost['tracing']], [[], true]);
  assert.match(api.said.join('\n'), /was on before.*mq admin set tracing off --vhost \//);
});

for (const fails of ['before', 'after'] as const)
  test(`switches tracing off if the switch was not answered, ${fails} its effect`, async () => {
    const api = new FakeApi(false);
    await api.use(async (firehose) => {
      api.fails = fails;
      await rejects(api.start(firehose));
      await api.end(firehose);
    });
    assert.is(api.vhost['tracing'], false);
  });

test('reports the command if tracing could not be switched off', async () => {
  const api = new FakeApi(false);
  await api.use(async (firehose) => {
    await api.start(firehose);
    api.fails = 'before';
    await api.end(firehose);
    assert.match(api.said.join('\n'), /tracing may still be on .*mq admin set tracing off --vhost \//);
    await firehose.off();
  });
  assert.is(api.vhost['tracing'], false);
});

for (const [first, second] of [
  ['a', 'b'],
  ['b', 'a'],
] as const)
  test(`of two taps, of which ${first} ends first, only the second switches tracing off`, async () => {
    const api = new FakeApi(false);
    await api.use(async (one, other) => {
      const taps = { a: one, b: other };
      await api.start(taps.a, 'a');
      await api.start(taps.b, 'b');
      await api.end(taps[first], first);
      assert.is(api.vhost['tracing'], true);
      await api.end(taps[second], second);
      assert.is(api.vhost['tracing'], false);
    });
    assert.equal([api.puts, api.said], [[true, false], ['tracing stays on for another mq tap, which switches it off']]);
  });

test('a tap whose queue still exists is no other tap', async () => {
  const api = new FakeApi(false);
  await api.use(async (firehose) => {
    await api.start(firehose, 'own');
    await firehose.off('own');
  });
  assert.is(api.vhost['tracing'], false);
});

test('two taps leave tracing alone that was on before', async () => {
  const api = new FakeApi(true);
  await api.use(async (one, other) => {
    await api.start(one, 'a');
    await api.start(other, 'b');
    await api.end(one, 'a');
    await api.end(other, 'b');
  });
  assert.equal(api.puts, []);
});

test('a tap at another node does not keep tracing on', async () => {
  const api = new FakeApi(false);
  api.bindings = [{ destination: 'far', arguments: { 'x-mq-tracing': 'rabbit@b' } }];
  await api.use(async (firehose) => {
    await api.start(firehose);
    await api.end(firehose);
  });
  assert.equal(api.puts, [true, false]);
});

test('reports which node of several traces', async () => {
  const api = new FakeApi(false);
  api.nodes = ['rabbit@a', 'rabbit@b'];
  await api.use((firehose) => api.start(firehose));
  assert.match(api.said.join('\n'), /clients at the node rabbit@a are shown, of 2 nodes/);
});

test.run();
