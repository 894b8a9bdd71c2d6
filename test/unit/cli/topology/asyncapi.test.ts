// mq graph --format asyncapi prints an AsyncAPI document, which the schema of AsyncAPI accepts.

import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Ajv } from 'ajv';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { objectOf, type Plain } from '../../../../src/config/plain.ts';
import { runCli } from '../../../support/cli.ts';

const specification = createRequire(import.meta.url).resolve('@asyncapi/specs/schemas/3.0.0.json');
const ajv = new Ajv({ strict: false, meta: false, validateSchema: false, validateFormats: false, logger: false });
const isAsyncapi = ajv.compile(JSON.parse(readFileSync(specification, 'utf8')));

const rascal = {
  vhosts: {
    '/': {
      namespace: 'shop',
      connections: ['amqp://user:secret@rabbit-1:5673', 'amqps://user:secret@rabbit-2'],
      exchanges: { orders: { type: 'topic' }, later: { type: 'x-delayed-message', options: { durable: false } } },
      queues: { 'billing queue': {}, replies: { replyTo: true, options: { autoDelete: true } } },
      bindings: { 'orders[order.*] -> billing queue': {} },
    },
    other: { queues: ['jobs'] },
  },
  publications: {
    orders: {
      exchange: 'orders',
      routingKey: 'order.created',
      options: { persistent: true, mandatory: true, priority: 3, expiration: '60000', CC: 'copy' },
    },
    later: { exchange: 'later' },
    direct: { queue: 'billing queue', options: { contentType: 'text/plain' } },
    jobs: { vhost: 'other', queue: 'jobs' },
  },
  subscriptions: {
    billing: { queue: 'billing queue', options: { noAck: true } },
    replies: { queue: 'replies' },
  },
};
const order = {
  $schema: 'https://json-schema.org/draft/2020-12/schema',
  $id: 'https://shop.example/order.json',
  type: 'object',
  properties: { id: { type: 'integer' }, by: { $ref: 'parts.json#/$defs/full%20name' }, parent: { $ref: '#' } },
};
const parts = { $defs: { 'full name': { $anchor: 'name', type: 'string' }, other: { $ref: '#name' } } };

/** Writes the files and returns the parsed document. */
async function documentOf(schemas: Readonly<Record<string, unknown>>, mq: object, args: readonly string[] = []) {
  const cwd = mkdtempSync(join(tmpdir(), 'mq-asyncapi-'));
  for (const [name, content] of Object.entries({ ...schemas, 'rascal.json': { ...rascal, mq } }))
    writeFileSync(join(cwd, name), JSON.stringify(content));
  const { status, stdout, stderr } = await runCli(['graph', '--format', 'asyncapi', ...args], {
    cwd,
    env: { MQ_TRUST: join(cwd, 'rascal.json') },
  });
  assert.is(status, 0, stderr);
  assert.ok(!stdout.includes('secret'), 'no password is printed');
  const document = objectOf(JSON.parse(stdout));
  assert.ok(isAsyncapi(document), JSON.stringify(isAsyncapi.errors));
  for (const reference of referencesIn(document)) assert.ok(at(document, reference) !== undefined, reference);
  return document;
}

function referencesIn(value: unknown): string[] {
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([key, one]) => (key === '$ref' ? [String(one)] : referencesIn(one)));
}

function at(document: unknown, reference: string): unknown {
  let found = document;
  for (const step of decodeURIComponent(reference.slice(2)).split('/')) found = objectOf(found)[step];
  return found;
}

const contract = {
  publications: { orders: { schema: 'order.json' } },
  subscriptions: { billing: { schema: 'order.json' } },
};

const document = suite('mq graph --format asyncapi');

document('describes publications, subscriptions, exchanges, queues and servers', async () => {
  const { asyncapi, info, servers, channels, operations } = await documentOf({}, {});
  assert.is(asyncapi, '3.0.0');
  assert.equal(info, { title: 'rascal.json', version: '1.0.0' });
  assert.equal(servers, {
    default: { host: 'rabbit-1:5673', protocol: 'amqp', protocolVersion: '0-9-1', pathname: '/%2F' },
    default_2: { host: 'rabbit-2', protocol: 'amqps', protocolVersion: '0-9-1', pathname: '/%2F' },
  });
  assert.equal(objectOf(channels)['orders.order.created'], {
    address: 'order.created',
    messages: { send_orders: { $ref: '#/components/messages/send_orders' } },
    bindings: {
      amqp: {
        is: 'routingKey',
        exchange: { name: 'shop:orders', type: 'topic', durable: true, autoDelete: false, vhost: '/' },
        bindingVersion: '0.3.0',
      },
    },
  });
  assert.equal(objectOf(objectOf(channels)['replies']), {
    address: null,
    messages: { receive_replies: { $ref: '#/components/messages/receive_replies' } },
    bindings: {
      amqp: {
        is: 'queue',
        queue: { durable: true, autoDelete: true, exclusive: true, vhost: '/' },
        bindingVersion: '0.3.0',
      },
    },
  });
  assert.equal(objectOf(operations)['send_orders'], {
    action: 'send',
    channel: { $ref: '#/channels/orders.order.created' },
    title: 'publication orders',
    messages: [{ $ref: '#/channels/orders.order.created/messages/send_orders' }],
    bindings: {
      amqp: {
        deliveryMode: 2,
        mandatory: true,
        priority: 3,
        expiration: 60000,
        cc: ['copy'],
        bindingVersion: '0.3.0',
      },
    },
  });
  const { action, bindings } = objectOf(objectOf(operations)['receive_billing']);
  assert.equal(
    { action, bindings },
    { action: 'receive', bindings: { amqp: { ack: false, bindingVersion: '0.3.0' } } },
  );
});

document('contains the schemas, with references that start at the document', async () => {
  const { components, channels } = await documentOf({ 'order.json': order, 'parts.json': parts }, contract);
  assert.equal(objectOf(components), {
    messages: {
      order: { contentType: 'application/json', payload: { $ref: '#/components/schemas/order' } },
      send_later: {},
      send_direct: { contentType: 'text/plain' },
      send_jobs: {},
      receive_replies: {},
    },
    schemas: {
      order: {
        type: 'object',
        properties: {
          id: { type: 'integer' },
          by: { $ref: '#/components/schemas/parts/$defs/full%20name' },
          parent: { $ref: '#/components/schemas/order' },
        },
      },
      parts: {
        $defs: {
          'full name': { type: 'string' },
          other: { $ref: '#/components/schemas/parts/$defs/full%20name' },
        },
      },
    },
  });
  const { messages } = objectOf(objectOf(channels)['billing_queue']);
  assert.equal(Object.keys(objectOf(messages)), ['send_direct', 'order']);
});

document('describes the replies of roles that request and reply', async () => {
  const roles = { ask: { request: 'direct' }, answer: { reply: 'billing' }, print: { consume: 'replies' } };
  const { channels, operations, components } = await documentOf({}, { roles });
  const replyTo = (message: string) => ({
    address: { location: '$message.header#/replyTo', description: 'property reply_to of the request' },
    channel: { $ref: '#/channels/replies_2' },
    messages: [{ $ref: `#/channels/replies_2/messages/${message}` }],
  });
  const replies = Object.entries(objectOf(operations)).map(([name, one]) => [name, objectOf(one)['reply']]);
  assert.equal(
    replies.filter(([, reply]) => reply !== undefined),
    [
      ['send_direct', replyTo('reply_send_direct')],
      ['receive_billing', replyTo('reply_receive_billing')],
    ],
  );
  const messages = { ...objectOf(objectOf(components)['messages']) };
  assert.equal([messages['reply_send_direct'], messages['reply_receive_billing']], [{}, {}]);
  assert.equal(objectOf(channels)['replies_2'], {
    address: null,
    messages: {
      reply_send_direct: { $ref: '#/components/messages/reply_send_direct' },
      reply_receive_billing: { $ref: '#/components/messages/reply_receive_billing' },
    },
  });
});

document('names the draft if a keyword needs it', async () => {
  const pair = {
    ...order,
    properties: { ...order.properties, pair: { prefixItems: [{ type: 'string' }], items: false } },
  };
  const { components } = await documentOf({ 'order.json': pair, 'parts.json': parts }, contract);
  const schemas = objectOf(objectOf(components)['schemas']);
  const { schemaFormat, schema } = objectOf(schemas['order']);
  assert.is(schemaFormat, 'application/schema+json;version=draft-2020-12');
  const properties: Plain = objectOf(objectOf(schema)['properties']);
  assert.equal(properties['by'], { $ref: '#/components/schemas/parts/schema/$defs/full%20name' });
  assert.equal(properties['parent'], { $ref: '#/components/schemas/order/schema' });
});

document('--vhost selects a vhost', async () => {
  const { channels, operations } = await documentOf({}, {}, ['--vhost', 'other']);
  assert.equal(Object.keys(objectOf(channels)), ['jobs']);
  assert.equal(Object.keys(objectOf(operations)), ['send_jobs']);
});

document('is not a drawing', async () => {
  const { status, stderr } = await runCli(['graph', '--format', 'asyncapi', '--live']);
  assert.is(status, 64);
  assert.match(stderr, /--live and --format asyncapi exclude each other/);
});

document.run();
