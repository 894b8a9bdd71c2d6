// A collector of traces for tests: receives spans by OTLP/HTTP with JSON.

import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Span } from '../../src/observe/traces/span.ts';

interface ReceivedSpan extends Pick<Span, 'traceId' | 'spanId' | 'parentSpanId' | 'name' | 'kind' | 'status'> {
  /** Value of `service.name`. */
  readonly service: string;
  readonly attributes: Readonly<Record<string, unknown>>;
}

export interface TraceCollector {
  readonly url: string;
  /** The spans so far. */
  readonly spans: readonly ReceivedSpan[];
  close(): void;
}

export async function startCollector(): Promise<TraceCollector> {
  const spans: ReceivedSpan[] = [];
  const server = createServer((request, response) => {
    let body = '';
    request.on('data', (chunk) => {
      body += chunk;
    });
    request.on('end', () => {
      for (const { resource, scopeSpans } of JSON.parse(body).resourceSpans) {
        const service = String(attributesOf(resource)['service.name']);
        for (const { spans: own } of scopeSpans)
          spans.push(...own.map((span: Span) => ({ ...span, service, attributes: attributesOf(span) })));
      }
      response.setHeader('content-type', 'application/json').end('{}');
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    spans,
    close: () => {
      server.close();
      server.closeAllConnections();
    },
  };
}

function attributesOf({ attributes }: Pick<Span, 'attributes'>): Record<string, unknown> {
  return Object.fromEntries(attributes.map(({ key, value }) => [key, Object.values(value)[0]]));
}
