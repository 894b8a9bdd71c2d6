// Jobs of amqplib: handshakes, refused handshakes, and closed connections.

import amqplib from 'amqplib';
import { closeFrom, linked, open, refused } from './amqplib-link.ts';
import { type Closed, type Job, named, password, url, user } from './program.ts';

export const connections: Readonly<Record<string, Job>> = {
  'connection.start capabilities': linked(async ({ connection }) => {
    const { capabilities } = connection.connection.serverProperties as { capabilities?: object };
    return Object.fromEntries(Object.entries(capabilities ?? {}).sort());
  }),
  'connection.start-ok wrong password': () =>
    handshake(() => amqplib.connect(url.replace(/\/\/.*@/, '//guest:wrong@'))),
  'connection.start-ok unknown user': () =>
    handshake(() => amqplib.connect(url.replace(/\/\/.*@/, `//${named('user')}:x@`))),
  'connection.start-ok AMQPLAIN': async () => {
    const credentials = amqplib.credentials.amqplain(user, password);
    const connection = await amqplib.connect(url, { credentials });
    await connection.close();
    return 'open';
  },
  'connection.start-ok EXTERNAL': () =>
    handshake(() => amqplib.connect(url, { credentials: amqplib.credentials.external() })),
  'connection.open unknown vhost': async () => {
    try {
      return await open(`/${named('vhost')}`);
    } catch (error) {
      return { refused: error instanceof Error };
    }
  },
  'connection.update-secret': linked(async ({ connection, closed }) => {
    const changed = connection.updateSecret(Buffer.from(password), 'renewal').then(() => 'update-secret-ok');
    return await Promise.race([changed, closed]);
  }),
  'channel.open again after a close by the broker': linked(async ({ connection, channel, closed }) => {
    channel.checkQueue(named('missing')).catch(() => undefined);
    await closed;
    const next = await connection.createChannel();
    return Object.keys(await next.assertExchange('amq.direct', 'direct'));
  }),
  'exchange.declare unknown type': refused(({ channel }) => channel.assertExchange(named('odd'), 'no-such-type')),
};

async function handshake(connect: () => Promise<unknown>): Promise<Closed | 'open'> {
  try {
    await connect();
    return 'open';
  } catch (error) {
    return closeFrom(error, 'connection');
  }
}
