// Publishes persistent messages of 100 bytes to the fanout exchange `bench-tap` with a classic queue, at a steady rate, and
// measures the time until each confirm. Arguments: RATE SECONDS. The result is one JSON object on stdout.

import amqplib from 'amqplib';

const [, , rate, seconds] = process.argv.map(Number);
const exchange = 'bench-tap';
const connection = await amqplib.connect(process.env.MQ_URL, { noDelay: true });
const channel = await connection.createConfirmChannel();
await channel.assertExchange(exchange, 'fanout', { durable: true });
await channel.assertQueue(exchange, { durable: true, arguments: { 'x-max-length': 1000 } });
await channel.bindQueue(exchange, exchange, '');
const body = Buffer.alloc(100, 'x');
const times = [];
const started = performance.now();
for (let sent = 0; sent < rate * seconds; ) {
  const due = ((performance.now() - started) / 1000) * rate;
  for (; sent < due; sent += 1) {
    const at = performance.now();
    channel.publish(exchange, '', body, { persistent: true }, (error) => {
      if (error) throw error;
      times.push(performance.now() - at);
    });
  }
  await new Promise((next) => setTimeout(next, 1));
}
await channel.waitForConfirms();
times.sort((one, other) => one - other);
const at = (share) => times[Math.floor(times.length * share)];
process.stdout.write(JSON.stringify({ p50: at(0.5), p99: at(0.99) }));
await connection.close();
