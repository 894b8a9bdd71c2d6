// Tests the request of OTLP/HTTP against a server of the test: its body, its headers, and the reasons of failures.

import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { Collector } from '../../../../src/observe/traces/request.ts';
import { keyValues, nanoseconds, type Span, spanKinds } from '../../../../src/observe/traces/span.ts';

const span: Span = {
  ...{ traceId: '0af7651916cd43dd8448eb211c80319c', spanId: 'b7ad6b7169203331', flags: 1 },
  ...{ name: 'publish orders', kind: spanKinds.producer },
  ...{ startTimeUnixNano: nanoseconds(1), endTimeUnixNano: nanoseconds(2.5) },
  attributes: keyValues({ text: 'a', count: 7, flag: true, absent: undefined }),
};

function collector(url: string, timeoutMs = 60_000): Collector {
  const endpoint = { url, shown: url, headers: new Headers({ 'api-key': 'k' }), timeoutMs };
  return new Collector(endpoint, { resource: { 'service.name': 'shop' }, version: '1.2.3' }, fetch);
}

const never = new AbortController().signal;

/** Calls `use` with a server. */
async function withServer(
  answer: (request: IncomingMessage, response: ServerResponse, body: string) => void,
  use: (url: string) => Promise<void>,
): Promise<void> {
  const server = createServer((request, response) => {
    let body = '';
    request.on('data', (chunk) => {
      body += chunk;
    });
    request.on('end', () => answer(request, response, body));
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  try {
    await use(`http://127.0.0.1:${(server.address() as AddressInfo).port}/v1/traces`);
  } finally {
    server.close();
    server.closeAllConnections();
  }
}

test('posts the spans as JSON, with the headers of the user', async () => {
  let seen: unknown;
  await withServer(
    ({ method, url, headers }, response, body) => {
      const { 'content-type': type, 'user-agent': agent, 'api-key': key } = headers;
      seen = { method, url, type, agent, key, body: JSON.parse(body) };
      response.end('{}');
    },
    async (url) => assert.equal(await collector(url).send([span], never), { type: 'sent' }),
  );
  const schemaUrl = 'https://opentelemetry.io/schemas/1.44.0';
  const sentSpan = {
    ...{ traceId: span.traceId, spanId: span.spanId, flags: 1, name: 'publish orders', kind: 4 },
    ...{ startTimeUnixNano: '1000000', endTimeUnixNano: '2500000' },
    attributes: [
      { key: 'text', value: { stringValue: 'a' } },
      { key: 'count', value: { intValue: '7' } },
      { key: 'flag', value: { boolValue: true } },
    ],
  };
  assert.equal(seen, {
    ...{ method: 'POST', url: '/v1/traces', type: 'application/json', agent: 'mq/1.2.3', key: 'k' },
    body: {
      resourceSpans: [
        {
          resource: { attributes: [{ key: 'service.name', value: { stringValue: 'shop' } }] },
          scopeSpans: [{ scope: { name: 'mq', version: '1.2.3' }, spans: [sentSpan], schemaUrl }],
          schemaUrl,
        },
      ],
    },
  });
});

test('distinguishes a refusal from an answer to try again', async () => {
  for (const [status, headers, result] of [
    [400, {}, { type: 'refused', reason: 'HTTP 400' }],
    [500, {}, { type: 'refused', reason: 'HTTP 500' }],
    [307, { location: 'http://127.0.0.1:1/' }, { type: 'refused', reason: 'HTTP 307' }],
    [429, { 'retry-after': '3' }, { type: 'retry', reason: 'HTTP 429', afterMs: 3000 }],
    [503, {}, { type: 'retry', reason: 'HTTP 503' }],
  ] as const)
    await withServer(
      (_, response) => response.writeHead(status, headers).end('text'),
      async (url) => assert.equal(await collector(url).send([span], never), result),
    );
});

test('reads which spans the collector has not accepted', async () => {
  const accepted = { type: 'sent' };
  for (const [answer, result] of [
    ['', accepted],
    ['no JSON', accepted],
    ['{"partialSuccess":{}}', accepted],
    ['{"partialSuccess":{"rejectedSpans":"0","errorMessage":""}}', accepted],
    ['{"partialSuccess":{"rejectedSpans":"1"}}', { type: 'sent', partial: { rejected: 1, reason: '' } }],
    ['{"partialSuccess":{"rejectedSpans":9}}', { type: 'sent', partial: { rejected: 1, reason: '' } }],
    [
      JSON.stringify({ partialSuccess: { errorMessage: ` a\n\u001b[2J${'b'.repeat(500)}` } }),
      { type: 'sent', partial: { rejected: 0, reason: `a [2J${'b'.repeat(195)}…` } },
    ],
  ] as const)
    await withServer(
      (_, response) => response.end(answer),
      async (url) => assert.equal(await collector(url).send([span], never), result),
    );
});

test('an answer that breaks off or is too long is a success', async () => {
  await withServer(
    (_, response) => {
      response.writeHead(200, { 'content-length': 100 });
      response.write('{"partial', () => response.destroy());
    },
    async (url) => assert.equal(await collector(url).send([span], never), { type: 'sent' }),
  );
  await withServer(
    (_, response) => response.write(' '.repeat(100_000)),
    async (url) => assert.equal(await collector(url).send([span], never), { type: 'sent' }),
  );
});

test('a server that is missing or silent is a reason to try again', async () => {
  const { promise: seen, resolve: see } = Promise.withResolvers<void>();
  let url = '';
  await withServer(
    () => see(),
    async (address) => {
      url = address;
      const stop = new AbortController();
      const sending = collector(url).send([span], stop.signal);
      await seen;
      stop.abort();
      assert.equal(await sending, { type: 'retry', reason: 'no answer in time' });
      assert.equal(await collector(url, 1).send([span], never), { type: 'retry', reason: 'no answer in time' });
    },
  );
  assert.equal(await collector(url).send([span], never), { type: 'retry', reason: 'connection refused' });
});

test.run();
