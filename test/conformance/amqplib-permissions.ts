// Jobs of amqplib: a user with few permissions, and a vhost that is deleted while it has connections. The jobs create users
// and vhosts through the management API at MQ_CONFORMANCE_MANAGEMENT.

import amqplib from 'amqplib';
import { closeFrom, closeOf, queue } from './amqplib-link.ts';
import { type Closed, type Job, messageOf, named, password, url, user } from './program.ts';

interface Limited {
  readonly channel: amqplib.ConfirmChannel;
  readonly closed: Promise<Closed>;
}

/** The user has permissions for names with these prefixes. */
const allowed = { configure: 'mine', write: 'mine', read: 'mine' };

/** Returns a job of a user with permissions for names that begin with `mine`, but not for the queue and exchange `theirs`. */
function limited(work: (link: Limited) => unknown): Job {
  return async () => {
    const name = named('user');
    const owner = await amqplib.connect(url);
    const owned = await owner.createChannel();
    await owned.assertQueue(named('theirs'), { durable: true, expires: 60_000 });
    await owned.assertExchange(named('theirs'), 'direct', { durable: true });
    await api('PUT', `users/${name}`, { password: 'secret', tags: '' });
    const patterns = Object.entries(allowed).map(([right, begin]) => [right, `^(${named(begin)}.*|amq\\.gen.*)$`]);
    await api('PUT', `permissions/%2F/${name}`, Object.fromEntries(patterns));
    const connection = await amqplib.connect(url.replace(/\/\/.*@/, `//${name}:secret@`));
    const channel = await connection.createConfirmChannel();
    const closed = Promise.race([closeOf(connection, 'connection'), closeOf(channel, 'channel')]);
    const done = async () => {
      await work({ channel, closed });
      await channel.waitForConfirms();
      // Requires no permission. The broker answers it after the requests of the work.
      await channel.cancel('unknown');
      return 'allowed';
    };
    try {
      return await Promise.race([done().catch(() => closed), closed]);
    } finally {
      await connection.close().catch(() => undefined);
      await owned.deleteQueue(named('theirs'));
      await owned.deleteExchange(named('theirs'));
      await owner.close();
      await api('DELETE', `users/${name}`);
    }
  };
}

const mine = (channel: amqplib.Channel) => queue(channel, 'mine');

export const permissions: Readonly<Record<string, Job>> = {
  'permissions: own objects': limited(async ({ channel }) => {
    const name = await mine(channel);
    await channel.assertExchange(named('mine'), 'fanout', { autoDelete: true });
    await channel.bindQueue(name, named('mine'), '');
    channel.publish(named('mine'), '', Buffer.from('x'));
    await channel.consume(name, () => undefined);
    await channel.assertQueue('', { exclusive: true }); // the permissions apply to the generated name
  }),
  'permissions: configure a queue': limited(({ channel }) => channel.assertQueue(named('theirs'), { durable: true })),
  'permissions: passive declaration': limited(({ channel }) => channel.checkQueue(named('theirs'))),
  'permissions: delete a queue': limited(({ channel }) => channel.deleteQueue(named('theirs'))),
  'permissions: purge a queue': limited(({ channel }) => channel.purgeQueue(named('theirs'))),
  'permissions: configure an exchange': limited(({ channel }) => channel.assertExchange(named('theirs'), 'direct')),
  'permissions: delete an exchange': limited(({ channel }) => channel.deleteExchange(named('theirs'))),
  'permissions: consume': limited(({ channel }) => channel.consume(named('theirs'), () => undefined)),
  'permissions: get': limited(({ channel }) => channel.get(named('theirs'))),
  'permissions: publish': limited(({ channel }) => channel.publish(named('theirs'), 'k', Buffer.from('x'))),
  'permissions: publish to the default exchange': limited(({ channel }) =>
    channel.sendToQueue(named('theirs'), Buffer.from('x')),
  ),
  'permissions: bind from an exchange': limited(async ({ channel }) =>
    channel.bindQueue(await mine(channel), named('theirs'), 'k'),
  ),
  'permissions: bind a queue': limited(({ channel }) => channel.bindQueue(named('theirs'), named('mine'), 'k')),
  'permissions: dead letters to an exchange': limited(({ channel }) =>
    queue(channel, 'mine', { 'x-dead-letter-exchange': named('theirs') }),
  ),
  'permissions: alternate exchange': limited(({ channel }) =>
    channel.assertExchange(named('mine'), 'direct', { autoDelete: true, alternateExchange: named('theirs') }),
  ),
  'permissions: a vhost without permissions': async () => {
    const name = named('user');
    await api('PUT', `users/${name}`, { password: 'secret', tags: '' });
    try {
      await amqplib.connect(url.replace(/\/\/.*@/, `//${name}:secret@`));
      return 'open';
    } catch (error) {
      return messageOf(error);
    } finally {
      await api('DELETE', `users/${name}`);
    }
  },
  'vhost deleted while it has connections': async () => {
    const name = named('vhost');
    await api('PUT', `vhosts/${name}`, {});
    await api('PUT', `permissions/${name}/${user}`, { configure: '.*', write: '.*', read: '.*' });
    const connection = await amqplib.connect(`${url}/${name}`);
    const channel = await connection.createChannel();
    await queue(channel, 'owned');
    // amqplib does not report a 320 as an error.
    const closed = new Promise<unknown>((done) => connection.once('close', done));
    await api('DELETE', `vhosts/${name}`);
    const { text, ...close } = closeFrom(await closed, 'connection');
    return { ...close, text: text.replace(/is down$/, 'is deleted') }; // RabbitMQ 4.0 sends either text
  },
};

async function api(method: string, path: string, body?: object): Promise<void> {
  const response = await fetch(`${process.env['MQ_CONFORMANCE_MANAGEMENT']}/api/${path}`, {
    method,
    headers: {
      authorization: `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`,
      'content-type': 'application/json',
    },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  });
  if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${await response.text()}`);
}
