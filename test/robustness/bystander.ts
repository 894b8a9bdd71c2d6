// A well-behaved client, which runs while other clients misbehave. It publishes one message at a time, waits for the confirm,
// and receives and acknowledges the message.

import { method, nameOf, publish } from './frames.ts';
import { Peer } from './peer.ts';

export class Bystander {
  rounds = 0;
  /** The longest wait from a publish to its confirm and delivery, in the unit of `now`. */
  longest = 0;
  readonly #peer: Peer;
  readonly #now: () => number;
  readonly #queue = 'bystander-7c0fbd1e';
  #isStopping = false;
  #running: Promise<void> | undefined;

  /** Starts a bystander. `now` measures its waits, by default in milliseconds. */
  static async start(port: number, now: () => number = () => performance.now()): Promise<Bystander> {
    const bystander = new Bystander(await Peer.open(port, { heartbeat: 0 }), now);
    await bystander.#begin();
    bystander.#running = bystander.#run();
    // `stop` throws the error.
    bystander.#running.catch(() => undefined);
    return bystander;
  }

  constructor(peer: Peer, now: () => number) {
    this.#peer = peer;
    this.#now = now;
  }

  /** Stops after the current message. Throws if the broker sent anything unexpected. */
  async stop(): Promise<void> {
    this.#isStopping = true;
    await this.#running;
    await this.#peer.close();
  }

  async #begin(): Promise<void> {
    this.#peer.send(
      method(1, 'queue.declare', { queue: this.#queue, exclusive: true }),
      method(1, 'confirm.select'),
      method(1, 'basic.qos', { prefetchCount: 1 }),
      method(1, 'basic.consume', { queue: this.#queue, consumerTag: 'bystander' }),
    );
    await this.#peer.until('basic.consume-ok');
  }

  async #run(): Promise<void> {
    while (!this.#isStopping) {
      const started = this.#now();
      const text = `round ${++this.rounds}`;
      this.#peer.send(...publish(1, { routingKey: this.#queue }, text));
      let confirmed = false;
      let received = false;
      while (!confirmed || !received) {
        const found = await this.#peer.next();
        const name = found === undefined ? 'the end of the connection' : (nameOf(found) ?? `frame ${found.type}`);
        if (name === 'basic.ack') confirmed = true;
        else if (name === 'basic.deliver') {
          await this.#peer.next();
          const body = (await this.#peer.next())?.payload.toString();
          if (body !== text) throw new Error(`the bystander received '${body}' instead of '${text}'`);
          received = true;
          this.#peer.send(method(1, 'basic.ack', { deliveryTag: this.rounds }));
        } else throw new Error(`the bystander received ${name}: ${found?.payload.toString('latin1')}`);
      }
      this.longest = Math.max(this.longest, this.#now() - started);
    }
  }
}
