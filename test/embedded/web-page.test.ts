// Tests the page of mq web in each of its states. Each test has its own broker and writes screenshots to
// dist/screenshots.

import { connect } from 'amqplib';
import type { Route } from 'playwright-core';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { freePorts } from '../../src/cluster/docker/ports.ts';
import {
  acceptAll,
  closeBrowser,
  connected,
  picture,
  shows,
  type Visit,
  type VisitOptions,
  visit,
  watchAll,
} from '../support/browser.ts';
import { emptyFolder, type MqOptions, mq, type RunningMq, startMq } from '../support/mq.ts';
import { until } from '../support/until.ts';

const left = new Set<RunningMq>();
test.after.each(async () => {
  for (const running of left) running.kill('SIGKILL');
  await Promise.allSettled([...left].map(({ ended }) => ended));
  left.clear();
});
test.after(closeBrowser);

function start(args: readonly string[], options: MqOptions = {}): RunningMq {
  const running = startMq(args, options);
  left.add(running);
  return running;
}

interface Place {
  readonly broker: RunningMq;
  readonly url: string;
  readonly management: string;
  readonly port: number;
}

/** Starts a broker on a port that no other process can get while the broker is stopped. */
async function startBroker(given?: number): Promise<Place> {
  const [port = 0] = given === undefined ? await freePorts(1, '127.0.0.1') : [given];
  const broker = start(['broker', '--port', String(port), '--management-port', '0', '--json']);
  const { url, management } = JSON.parse(await broker.prints(/\n/)) as { url: string; management: string };
  return { broker, url, management, port };
}

type Scene = Visit & Place;

interface PageOptions extends VisitOptions {
  readonly config?: unknown;
  /** If false, the broker is empty and the page watches nothing. */
  readonly isPrepared?: boolean;
}

async function withPage(
  use: (scene: Scene) => Promise<void>,
  { config, isPrepared = true, ...options }: PageOptions = {},
) {
  const place = await startBroker();
  const cwd = emptyFolder(config === undefined ? {} : { 'rascal.json': JSON.stringify(config) });
  if (isPrepared) await mq(['declare', '--url', place.url], { cwd });
  const { management } = place;
  // Services on ports 15672 and 15674 must not be used.
  const api = ['--management-url', management, '--stomp', 'bridge'];
  const web = start(['web', '--port', '0', '--json', '--url', place.url, ...api], { cwd });
  const { url } = JSON.parse(await web.prints(/\n/)) as { url: string };
  const visited = await visit(url, options);
  try {
    if (isPrepared) {
      await watchAll(visited.page);
    }
    await use({ ...visited, ...place });
    assert.equal(await visited.faults(), []);
  } finally {
    await visited.close();
    await web.stop();
  }
}

/** Publishes messages to an exchange, each confirmed. */
async function publish(url: string, exchange: string, messages: readonly (readonly [key: string, body: Buffer])[]) {
  const connection = await connect(url);
  try {
    const channel = await connection.createConfirmChannel();
    for (const [key, body] of messages) channel.publish(exchange, key, body);
    await channel.waitForConfirms();
  } finally {
    await connection.close();
  }
}

const sample: readonly (readonly [string, string, string])[] = [
  ['logs', '', 'info: resize photo-1.jpg done'],
  ['direct_logs', 'error', 'disk full on /var'],
  ['topic_logs', 'kern.critical', 'A kernel error'],
  ['topic_logs', 'cron.info', '{"job":"backup","seconds":41}'],
];

for (const [name, options] of [
  ['light', {}],
  ['dark', { scheme: 'dark' }],
  ['phone-light', { width: 375, height: 812 }],
  ['phone-dark', { width: 375, height: 812, scheme: 'dark' }],
] as const) {
  test(`the page (${name}) fits its width and shows messages and depths`, () =>
    withPage(async ({ page, url }) => {
      await picture(page, `empty-${name}`);
      await page.click('#task button');
      await shows(page, '#task output', 'confirmed');
      await page.click('#publish button');
      await shows(page, '#messages li', 'info: Hello World!');
      for (const [exchange, key, text] of sample) await publish(url, exchange, [[key, Buffer.from(text)]]);
      await shows(page, '#messages li', 'backup');
      await page.locator('#messages summary', { hasText: 'kern.critical' }).click();
      await shows(page, '#messages pre', 'A kernel error');
      await shows(page, '.node.queue text', '1 ready');
      await shows(page, '#queues tr', /task_queue.*quorum1/);
      await picture(page, `messages-${name}`);
      const [wide, room] = (await page.evaluate('[document.documentElement.scrollWidth, innerWidth]')) as number[];
      assert.is(wide, room, 'nothing extends beyond the right edge');
    }, options));
}

test('the page reconnects after a restart of the broker', () =>
  withPage(async ({ page, broker, port }) => {
    await page.click('#publish button');
    await shows(page, '#messages li', 'Hello World!');
    broker.kill('SIGKILL');
    await broker.ended;
    await shows(page, '#state', 'not connected; trying again');
    await page.click('#publish button');
    await shows(page, '#publish output', 'not sent: there is no connection');
    await picture(page, 'lost');
    const again = await startBroker(port);
    await connected(page);
    await shows(page, '#streams .note', "there is no exchange 'logs'");
    // The page subscribes again when the exchange exists again.
    await until('the message is accepted', async () => {
      const { status } = await mq(['emit-log', 'after the restart', '--url', again.url]);
      return status === 0;
    });
    await shows(page, '#messages li', 'after the restart');
  }));

test('a page whose first request fails tries again', () =>
  withPage(async ({ page }) => {
    let requests = 0;
    await page.route('**/api/catalog', (route) => {
      requests += 1;
      return requests === 1 ? route.abort() : route.continue();
    });
    await page.reload();
    await shows(page, '#state', 'not connected; trying again (1)');
    await connected(page);
    assert.is(requests, 2);
    await page.route('**/api/queue*', (route) => route.abort());
    await page.click('#request button');
    await shows(page, '#request output', 'not sent: mq web has not answered');
    await page.route('**/api/publish', (route) => route.abort());
    await page.click('#publish button');
    await shows(page, '#publish output', 'in doubt: mq web has not answered');
  }));

test('a missing exchange affects no other stream, and is used when it exists', () =>
  withPage(async ({ page, url }) => {
    await page.fill('#watch [name=exchange]', 'later');
    await page.fill('#watch [name=pattern]', 'x');
    await page.click('#watch button');
    await shows(page, '#streams li', "there is no exchange 'later'");
    await picture(page, 'refused');
    await connected(page);
    await page.click('#publish button');
    await shows(page, '#messages li', 'Hello World!');
    const connection = await connect(url);
    const channel = await connection.createConfirmChannel();
    await channel.assertExchange('later', 'direct', { durable: true });
    await page.click('#streams .accept');
    await until('a message of the exchange is shown', async () => {
      channel.publish('later', 'x', Buffer.from('here it is'));
      await channel.waitForConfirms();
      return (await page.locator('#messages li', { hasText: 'here it is' }).count()) > 0;
    });
    await connection.close();
  }));

test('a stream requested before and after a reconnect is subscribed once', () =>
  withPage(
    async ({ page, broker, port }) => {
      const held: Route[] = [];
      await page.route('**/api/exchange*', (route) => void held.push(route));
      await page.fill('#watch [name=exchange]', 'amq.topic');
      await page.fill('#watch [name=pattern]', '#');
      await page.click('#watch button');
      const before = await until('the first request for the exchange', () => held[0]);
      broker.kill('SIGKILL');
      await broker.ended;
      await shows(page, '#state', 'not connected');
      const { url } = await startBroker(port);
      await connected(page);
      const after = await until('the second request for the exchange', () => held[1]);
      await before.continue();
      await page.click('#streams .accept');
      const accepted = await until('the third request for the exchange', () => held[2]);
      await accepted.continue();
      await until('the subscription is active', async () => {
        await publish(url, 'amq.topic', [['k', Buffer.from('first')]]);
        return (await page.locator('#messages li', { hasText: 'first' }).count()) > 0;
      });
      const answered = page.waitForResponse('**/api/exchange*');
      await after.continue();
      await answered;
      // Frames are answered in order, so earlier subscriptions are active when the next one is.
      await page.unroute('**/api/exchange*');
      await page.fill('#watch [name=exchange]', 'amq.fanout');
      await page.click('#watch button');
      await page.click('#streams .accept');
      await until('the last subscription is active', async () => {
        await publish(url, 'amq.fanout', [['', Buffer.from('in order')]]);
        return (await page.locator('#messages li', { hasText: 'in order' }).count()) > 0;
      });
      await publish(url, 'amq.topic', [
        ['k', Buffer.from('only once')],
        ['k', Buffer.from('the end')],
      ]);
      await shows(page, '#messages li', 'the end');
      assert.is(await page.locator('#messages li', { hasText: 'only once' }).count(), 1);
    },
    { isPrepared: false },
  ));

test('shows binary bodies as bytes, cuts long bodies, keeps 200 messages', () =>
  withPage(async ({ page, url }) => {
    // Frames are answered in order, so the subscription is active when this message is confirmed.
    await page.click('#publish button');
    await shows(page, '#publish output', 'confirmed');
    await publish(url, 'logs', [['', Buffer.from([0xff, 0xfe, 0, 1, 65])]]);
    await page.locator('#messages summary', { hasText: 'ff fe 00 01 41' }).click();
    await shows(page, '#messages pre', '0000 ff fe 00 01 41');
    await shows(page, '#messages .whole', '5 bytes');
    await page.click('#clear');
    await publish(url, 'logs', [['', Buffer.alloc(3_000_000, 'long ü ')]]);
    await page.locator('#messages summary').click();
    await shows(page, '#messages .whole', '3,000,000 bytes, the first 4096 characters are shown');
    await publish(
      url,
      'topic_logs',
      Array.from({ length: 1000 }, (_, index) => [`a.${index}`, Buffer.from(`m${index}`)]),
    );
    await shows(page, '#messages li', 'm999');
    await until('all messages are counted', async () => (await page.locator('#received').textContent()) === '1,003');
    assert.is(await page.locator('#messages li').count(), 200);
    await shows(page, '#kept', '200 of the last 200 messages (200 are kept)');
    await page.fill('#filter', 'a.99');
    await shows(page, '#kept', '10 of the last 200 messages');
  }));

test('every action of the page works with the keyboard', () =>
  withPage(
    async ({ page, url }) => {
      await mq(['declare', '--url', url]);
      await page.keyboard.press('Tab');
      assert.is(await page.evaluate('document.activeElement.textContent'), 'Skip to the messages');
      await page.keyboard.press('Enter');
      await page.keyboard.press('Tab');
      assert.is(await page.evaluate('document.activeElement.textContent'), 'Watch all');
      await page.keyboard.press('Enter');
      assert.match((await page.evaluate('document.activeElement.textContent')) as string, /^logs /);
      await acceptAll(page);
      await page.focus('#publish textarea');
      await page.keyboard.press('Control+Enter');
      await shows(page, '#messages li', 'Hello World!');
      await page.focus('#messages summary');
      await page.keyboard.press('Enter');
      await shows(page, '#messages pre', 'Hello World!');
      await page.focus('#streams .show');
      await page.keyboard.press('Space');
      await shows(page, '#kept', '0 of the last 1 messages');
      // Every field and button has an accessible name.
      const nameless = (await page.evaluate(`[...document.querySelectorAll('input, select, textarea, button')]
      .filter((one) => !(one.labels?.length || one.textContent.trim() || one.ariaLabel)).map((one) => one.outerHTML)`)) as string[];
      assert.equal(nameless, []);
    },
    { isPrepared: false },
  ));

test('mq web declares nothing, and draws missing objects with a hint', () =>
  withPage(
    async ({ page, url }) => {
      await shows(
        page,
        '#missing',
        'Missing on the broker: exchange orders, queue jobs (dashed). Run mq declare to declare them.',
      );
      await shows(page, '.node.missing', 'jobs');
      await shows(page, '#queues tr', /jobs\.dead declared at the first failure/);
      await picture(page, 'missing');
      const connection = await connect(url);
      const channel = await connection.createChannel();
      channel.on('error', () => undefined);
      assert.is(
        await channel.checkQueue('jobs').then(
          () => true,
          () => false,
        ),
        false,
      );
      await connection.close();
      assert.is(await page.locator('.node', { hasText: 'task_queue' }).count(), 0, 'no node of the tutorials');
    },
    {
      isPrepared: false,
      config: {
        vhosts: { '/': { exchanges: ['orders'], queues: ['jobs'], bindings: ['orders[order.paid] -> jobs'] } },
        publications: { orders: { exchange: 'orders' } },
        subscriptions: { jobs: { queue: 'jobs' } },
        mq: { roles: { order: { publish: 'orders' }, 'do-jobs': { consume: 'jobs' } } },
      },
    },
  ));

for (const [name, options] of [
  ['wide', {}],
  ['phone', { width: 375, height: 812 }],
] as const) {
  test(`draws a larger topology (${name}) without overlapping labels`, () => {
    const keys = ['order.created', 'order.paid', 'order.refunded', 'order.shipped.europe', 'order.#'];
    const queues = ['billing', 'shipping-and-returns', 'mail', 'audit'];
    const config = {
      vhosts: {
        '/': {
          exchanges: { orders: { type: 'topic' }, 'dead-orders': { type: 'fanout' } },
          queues: { ...Object.fromEntries(queues.map((queue) => [queue, {}])), 'orders.unprocessable': {} },
          bindings: [
            ...queues.map((destination, index) => ({
              source: 'orders',
              destination,
              bindingKeys: keys.slice(0, index + 1),
            })),
            { source: 'dead-orders', destination: 'orders.unprocessable' },
          ],
        },
      },
      publications: { orders: { exchange: 'orders' }, bury: { exchange: 'dead-orders' } },
      subscriptions: Object.fromEntries(queues.map((queue) => [queue, { queue }])),
      mq: {
        subscriptions: { mail: { retry: { deadLetter: { publication: 'bury' } } } },
        roles: Object.fromEntries(queues.map((queue) => [`do-${queue}`, { consume: queue }])),
      },
    };
    return withPage(
      async ({ page }) => {
        await page.locator('#drawing').scrollIntoViewIfNeeded();
        await shows(page, '.node', 'billing.dead');
        assert.is(await page.locator('.edge.dead-letter').count(), 4);
        const boxes = (await page.evaluate(
          `[...document.querySelectorAll('#drawing .keys, #drawing .node rect')].map((one) => ({
            ...one.getBoundingClientRect().toJSON(), text: one.localName === 'text' ? one.lastChild.textContent : '' }))`,
        )) as { left: number; right: number; top: number; bottom: number; text: string }[];
        const over = boxes.flatMap((one) =>
          boxes
            .filter((other) => other !== one && (one.text !== '' || other.text !== ''))
            .filter(
              ({ left, right, top, bottom }) =>
                one.left < right - 1 && left < one.right - 1 && one.top < bottom - 2 && top < one.bottom - 2,
            )
            .map(({ text }) => `${one.text} on ${text}`),
        );
        assert.equal(over, []);
        const [wide, room] = (await page.evaluate(
          `[document.querySelector('#drawing').scrollWidth, document.querySelector('#drawing').clientWidth]`,
        )) as number[];
        assert.is(await page.locator('#sideways').isVisible(), (wide ?? 0) > (room ?? 0));
        await picture(page, `topology-${name}`);
      },
      { config, ...options },
    );
  });
}

test('indents JSON, and keeps its numbers as written', () =>
  withPage(async ({ page, url }) => {
    await publish(url, 'topic_logs', [['k', Buffer.from('{"id":9007199254740993,"lines":[1.0,{}],"text":"a{,b"}')]]);
    await page.locator('#messages summary', { hasText: '9007199254740993' }).click();
    await shows(page, '#messages pre', '"id": 9007199254740993');
    assert.is(
      await page.locator('#messages pre').textContent(),
      '{\n  "id": 9007199254740993,\n  "lines": [\n    1.0,\n    {}\n  ],\n  "text": "a{,b"\n}',
    );
  }));

test('shows hostile names of rascal.json as text', () => {
  const name = '<img src=x onerror="window.pwned=1">';
  const config = {
    vhosts: {
      '/': {
        exchanges: { [name]: { type: 'topic' } },
        queues: { [name]: {}, '"><script>window.pwned=1</script>': {} },
        bindings: { one: { source: name, destination: name, bindingKey: '<svg onload=window.pwned=1>' } },
      },
    },
    publications: {
      [name]: { exchange: name, routingKey: '<b>' },
      task2: { queue: '"><script>window.pwned=1</script>' },
    },
    subscriptions: { [name]: { queue: name } },
  };
  return withPage(
    async ({ page }) => {
      await page.selectOption('#publish select', name);
      await page.click('#publish button');
      await shows(page, '#messages li', '<b>');
      assert.is(await page.locator('img').count(), 1, 'the logo is the only picture');
      assert.is(await page.evaluate('window.pwned'), undefined);
      await picture(page, 'hostile-names');
    },
    { config },
  );
});

test.run();
