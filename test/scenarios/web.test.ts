// mq web in a real browser: the page shows and sends messages, and the browser never executes the text of a message.
// On RabbitMQ it uses the Web STOMP plugin, on the embedded broker the bridge.

import { connect } from 'amqplib';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import {
  acceptAll,
  closeBrowser,
  connected,
  shows,
  untilBound,
  type Visit,
  visit,
  watchAll,
} from '../support/browser.ts';
import { payloads } from '../support/payloads.ts';
import { testRoles } from '../support/roles.ts';
import { until } from '../support/until.ts';

const roles = await testRoles();
const { vhost } = roles;
test.after.each(roles.killLeft);
test.after(async () => {
  await closeBrowser();
  await roles.end();
});

/** `--stomp` with the addresses of the nodes' plugins. `undefined` on a broker without the plugin. */
async function plugins(): Promise<string | undefined> {
  const { cluster } = JSON.parse(process.env['MQ_TEST_BROKER'] ?? '{}') as { cluster?: string };
  if (cluster === undefined) return undefined;
  return (await vhost.cluster()).nodes.map(({ webStompUrl }) => webStompUrl).join(',');
}

/** `env` can name a management API, where the page then sees the bindings of other clients. */
async function withPage(
  use: (visited: Visit, url: string) => Promise<void>,
  { watches = true, env = {} }: { watches?: boolean; env?: Readonly<Record<string, string>> } = {},
): Promise<void> {
  const stomp = await plugins();
  await roles.runHere(['declare']);
  const web = roles.start(['web', '--port', '0', '--json', ...(stomp === undefined ? [] : ['--stomp', stomp])], {
    env,
  });
  const ready = JSON.parse(await web.prints(/\n/)) as { url: string; stomp: string };
  assert.is(ready.stomp, stomp?.split(',')[0] ?? 'bridge');
  const visited = await visit(ready.url);
  try {
    if (watches) {
      await watchAll(visited.page);
    }
    await use(visited, ready.url);
    assert.equal(await visited.faults(), []);
  } finally {
    await visited.close();
    await web.stop();
  }
}

/** Dispatches events to every element of the message list, then returns the content of the list. */
const inspection = `(() => {
  const list = document.querySelector('#messages');
  const all = [...list.querySelectorAll('*')];
  for (const one of all) {
    for (const type of ['pointerover', 'mouseover', 'focus', 'error', 'load', 'toggle', 'animationstart'])
      one.dispatchEvent(new Event(type, { bubbles: true }));
  }
  return {
    names: [...new Set(all.map((one) => one.localName))].sort(),
    attributes: [...new Set(all.flatMap((one) => one.getAttributeNames()))].sort(),
    text: list.textContent,
  };
})()`;

test('the page shows messages of the three emitting roles', () =>
  withPage(async ({ page }) => {
    await roles.runHere(['emit-log', 'info: from fanout']);
    await roles.runHere(['emit-log-direct', 'error', 'disk full']);
    await roles.runHere(['emit-log-topic', 'kern.critical', 'A kernel error']);
    await shows(page, '#messages li', /logs.*info: from fanout/);
    await shows(page, '#messages li', /direct_logs.*error.*disk full/);
    await shows(page, '#messages li', /topic_logs.*kern\.critical.*A kernel error/);
    await shows(page, '#received', /^3$/);
  }));

test('a pattern selects the messages that it matches', () =>
  withPage(async ({ page }) => {
    await page.click('button[aria-label="Stop topic_logs #"]');
    await page.fill('#watch [name=exchange]', 'topic_logs');
    await page.fill('#watch [name=pattern]', '*.critical');
    await page.click('#watch button');
    await acceptAll(page);
    await until('the binding is replaced', async () => {
      const all = (await vhost.api('GET', `/api/bindings/${vhost.name}`)) as { source: string; routing_key: string }[];
      const keys = all.filter(({ source }) => source === 'topic_logs').map(({ routing_key: key }) => key);
      return keys.includes('*.critical') && !keys.includes('#');
    });
    const receiver = await roles.receiver(['receive-logs-topic', '#']); // without it the first message would be unroutable
    await roles.runHere(['emit-log-topic', 'kern.info', 'not this']);
    await roles.runHere(['emit-log-topic', 'kern.critical', 'this']);
    await shows(page, '#messages li', /kern\.critical/);
    assert.is(await page.locator('#messages li').count(), 1);
    await receiver.stop();
  }));

test('mq receive-logs receives what the page publishes', () =>
  withPage(async ({ page }) => {
    const receiver = await roles.receiver(['receive-logs', '--count', '1']);
    await page.fill('#publish textarea', 'from the page: ü');
    await page.click('#publish button');
    await shows(page, '#publish output', 'confirmed by the broker');
    const { stdout } = await receiver.ended;
    assert.is(stdout, 'from the page: ü\n');
  }));

test('the page reports unroutable messages and missing targets', () =>
  withPage(
    async ({ page }) => {
      await page.selectOption('#publish select', 'direct_logs');
      await page.fill('#publish [name=key]', 'nobody');
      await page.click('#publish button');
      await shows(page, '#publish output[data-good=false]', "unroutable: not delivered: the exchange 'direct_logs'");
      await shows(page, '#sent', /^0$/);
      await vhost.api('DELETE', `/api/exchanges/${vhost.name}/direct_logs`);
      await page.click('#publish button');
      await shows(page, '#publish output[data-good=false]', "refused: there is no exchange 'direct_logs'");
      await roles.deleteQueue('task_queue');
      await page.click('#task button');
      await shows(page, '#task output[data-good=false]', "unroutable: not delivered: no queue 'task_queue' exists");
      await shows(page, '#missing', 'Missing on the broker: exchange direct_logs, queue task_queue (dashed).');
    },
    { watches: false },
  ));

test('a page receives nothing before its user starts to watch', () =>
  withPage(
    async ({ page }) => {
      // The queue of the previous page may exist for a moment.
      await until(
        'no queue of a page is bound',
        async () => (await roles.runHere(['emit-log', 'no receiver'])).status === 67,
      );
      await shows(page, '#tap[data-active=false]', 'Watching binds a queue of this page to the exchange.');
      await page.click('#suggestions button:has-text("Watch logs")');
      await shows(page, '#streams .note', /messages to 'logs' that no other queue receives count as routed/);
      // The page asks first, so the publisher still gets its message back.
      assert.is((await roles.runHere(['emit-log', 'no receiver'])).status, 67);
      await page.click('#streams .accept');
      await shows(page, '#tap[data-active=true]', 'While this page watches logs, a queue of this page is bound there.');
      await until(
        'the queue of the page is bound',
        async () => (await roles.runHere(['emit-log', 'received by the page'])).status === 0,
      );
      await shows(page, '#messages li', 'received by the page');
      await page.click('#publish button');
      await shows(page, '#publish output', 'confirmed by the broker; this page watches logs');
      await page.click('button[aria-label="Stop logs"]');
      await shows(page, '#suggestions', 'Watch logs');
      await until(
        'the queue of the page is unbound',
        async () => (await roles.runHere(['emit-log', 'still no receiver'])).status === 67,
      );
    },
    { watches: false },
  ));

test('a page watches at once where another queue receives all messages', () =>
  withPage(
    async ({ page }) => {
      const receiver = await roles.receiver(['receive-logs']);
      await page.click('#suggestions button:has-text("Watch logs")');
      await untilBound(page);
      await roles.runHere(['emit-log', 'for both']);
      await shows(page, '#messages li', 'for both');
      await receiver.prints(/for both/);
      await receiver.stop();
    },
    { watches: false, env: { MQ_MANAGEMENT_URL: vhost.managementUrls.join(',') } },
  ));

test('a page refuses an exchange whose messages it would take', () =>
  withPage(
    async ({ page }) => {
      await vhost.api('PUT', `/api/exchanges/${vhost.name}/chance`, { type: 'x-local-random', durable: true });
      await page.fill('#watch [name=exchange]', 'chance');
      await page.click('#watch button');
      await shows(page, '#streams .note', /'chance' \(x-local-random\) sends a message to only one binding/);
      assert.is(await page.locator('#streams .accept').count(), 0);
      const bindings = await vhost.api('GET', `/api/exchanges/${vhost.name}/chance/bindings/source`);
      assert.equal(bindings, []);
    },
    { watches: false },
  ));

test('content type and headers from the page arrive', () =>
  withPage(async ({ page }) => {
    const worker = await roles.receiver(['worker', '--count', '1', '--json']);
    await page.click('#task .more summary');
    await page.fill('#task [name=content-type]', 'application/json');
    await page.fill('#task [name=headers]', 'tenant: acme: 7\nattempts:=3\nurgent:=true\n');
    await page.fill('#task [name=text]', '{"id":9007199254740993}');
    await page.click('#task button');
    await shows(page, '#task output', 'confirmed by the broker');
    const { body, properties, headers } = JSON.parse((await worker.ended).stdout) as {
      body: string;
      properties: { contentType: string };
      headers: Record<string, unknown>;
    };
    assert.is(body, '{"id":9007199254740993}');
    assert.is(properties.contentType, 'application/json');
    assert.equal({ ...headers }, { tenant: 'acme: 7', attempts: 3, urgent: true });
    await page.fill('#task [name=headers]', 'no colon');
    await page.click('#task button');
    await shows(page, '#task output[data-good=false]', "a header has the form name: value, not 'no colon'");
  }));

test('mq worker receives a task from the page', () =>
  withPage(async ({ page }) => {
    const worker = await roles.receiver(['worker', '--count', '1', '--json']);
    await page.fill('#task textarea', 'resize');
    await page.click('#task button');
    await shows(page, '#task output', 'confirmed by the broker');
    const { body, properties } = JSON.parse((await worker.ended).stdout) as {
      body: string;
      properties: { deliveryMode: number };
    };
    assert.is(body, 'resize');
    assert.is(properties.deliveryMode, 2);
  }));

test('mq rpc-server answers a request of the page; without it there is a hint', () =>
  withPage(async ({ page }) => {
    await roles.deleteQueue('rpc_queue');
    await page.click('#request button');
    await shows(page, '#request output', "not sent: there is no queue 'rpc_queue'");
    const server = await roles.receiver(['rpc-server']);
    await page.click('#request button');
    await shows(page, '#request output', /^832040 \(\d+ ms\)$/);
    await server.stop();
  }));

test('binary and long bodies arrive', () =>
  withPage(async ({ page }) => {
    await roles.runHere(['emit-log'], { input: Buffer.from([0xff, 0xfe, 0, 0xc3, 0x28]) });
    await shows(page, '#messages li', 'ff fe 00 c3 28');
    await roles.runHere(['emit-log'], { input: Buffer.alloc(1_000_000, 'long ') });
    await page.locator('#messages summary', { hasText: 'long long' }).click();
    await shows(page, '#messages .whole', '1,000,000 bytes');
    await roles.runHere(['emit-log', 'the last one']);
    await shows(page, '#messages li', 'the last one');
    await shows(page, '#state', /^connected$/);
  }));

test('the page receives no password', () =>
  withPage(async (_, url) => {
    const { password } = new URL(vhost.urls[0] ?? '');
    assert.ok(password.length > 8);
    const browser = await visit('about:blank', { waits: false });
    const seen: string[] = [];
    const take = (text: string | Buffer) => void seen.push(text.toString());
    const takeFrame = ({ payload }: { payload: string | Buffer }) => take(payload);
    // A response that has not arrived when the page closes has no text.
    const read = (response: { text(): Promise<string> }) => response.text().then(take, () => undefined);
    browser.page.on('response', (response) => void read(response));
    browser.page.on('websocket', (socket) => {
      socket.on('framesent', takeFrame);
      socket.on('framereceived', takeFrame);
    });
    await browser.page.goto(url);
    await connected(browser.page);
    await until(
      'all that the page asks for',
      () => seen.some((text) => text.includes('"queues"')) && seen.some((text) => text.startsWith('CONNECTED')),
    );
    assert.ok(seen.some((text) => text.startsWith('CONNECT\n')));
    const forms = [password, Buffer.from(`mq:${password}`).toString('base64')];
    assert.not(seen.some((text) => forms.some((form) => text.includes(form))));
    await browser.close();
  }));

test('200 hostile texts in body, header and routing key stay text', () =>
  withPage(async ({ page }) => {
    const connection = await connect(vhost.urls[0] ?? '');
    try {
      const channel = await connection.createConfirmChannel();
      assert.is(payloads.length, 200);
      for (const payload of payloads) {
        const headers = { [payload.slice(0, 200)]: payload, plain: payload };
        channel.publish('topic_logs', payload.slice(0, 200), Buffer.from(payload), {
          headers,
          contentType: payload.slice(0, 200),
          type: payload.slice(0, 200),
        });
      }
      await channel.waitForConfirms();
    } finally {
      await connection.close();
    }
    const count = (selector: string) => page.locator(`#messages ${selector}`).count();
    await until('200 messages', async () => (await count('li')) === 200);
    await page.evaluate("for (const one of document.querySelectorAll('details')) one.open = true");
    await until('200 bodies', async () => (await count('pre')) === 200);
    const found = (await page.evaluate(inspection)) as { names: string[]; attributes: string[]; text: string };
    assert.equal(found.names, ['dd', 'details', 'div', 'dl', 'dt', 'li', 'p', 'pre', 'span', 'summary', 'time']);
    assert.equal(found.attributes, ['aria-label', 'class', 'data-colour', 'datetime', 'open', 'tabindex']);
    assert.ok(found.text.includes('<script>'), 'the payloads can be read');
    assert.is(await page.evaluate('window.pwned'), undefined);
  }));

test.run();
