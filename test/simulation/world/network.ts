// The simulated network: hosts with listening servers, and links between hosts with latency and faults.

import { EventEmitter } from 'node:events';
import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import { addAbortSignal } from 'node:stream';
import type { Host, SimulatedProcess } from './process.ts';
import { connectionError, hostOf, SimulatedSocket } from './socket.ts';
import type { World } from './world.ts';

/** State of one direction between two hosts. */
export interface Link {
  /** Range of the latency of a segment in milliseconds. */
  minMs: number;
  maxMs: number;
  /** `true` holds all segments back, as after a lost packet, until it is `false` again. */
  isHeld: boolean;
}

export interface Address {
  readonly host: string;
  readonly port: number;
}

type Listener = (...args: unknown[]) => void;

/** Answers a request, with `serve` as the program that would answer it. */
type OnHttpRequest = (request: IncomingMessage, response: ServerResponse, serve: RequestListener) => void;

/** Milliseconds after which a connection attempt without an answer fails (Linux: 6 retransmissions of the SYN). */
const connectTimeoutMs = 130_000;
const firstPort = 40_000;

export class Network {
  readonly world: World;
  readonly hosts = new Map<string, Host>();
  readonly #servers = new Map<string, SimulatedServer>();
  readonly #links = new Map<string, Link>();
  readonly sockets = new Set<SimulatedSocket>();
  /** Closed sockets whose last segments a link holds back. */
  readonly unsent = new Set<SimulatedSocket>();
  /** All processes of this run. */
  readonly processes = new Set<SimulatedProcess>();
  /** Values of new links. */
  readonly defaults: Link = { minMs: 0.1, maxMs: 1, isHeld: false };
  /** Most bytes of one segment, so that frames are divided and joined. */
  segmentBytes = Number.POSITIVE_INFINITY;
  /** Bytes that a sender can write before it must wait for the receiver. */
  bufferBytes = 256 * 1024;
  /** Ports that refuse connections, although a server listens. */
  readonly closedPorts = new Set<number>();
  /** Called instead of the program of an HTTP server. */
  onHttpRequest: OnHttpRequest | undefined;
  #port = firstPort;

  constructor(world: World) {
    this.world = world;
  }

  /** Returns the link from a host to another one. */
  link(from: string, to: string): Link {
    const key = `${from}>${to}`;
    let link = this.#links.get(key);
    if (link === undefined) {
      link = { ...this.defaults };
      this.#links.set(key, link);
    }
    return link;
  }

  /** Holds back, or releases, everything between two hosts in one direction. */
  hold(from: string, to: string, isHeld: boolean): void {
    this.link(from, to).isHeld = isHeld;
    this.world.trace.add(this.world.now, `${isHeld ? 'hold' : 'release'} ${from} > ${to}`);
    if (isHeld) return;
    for (const socket of [...this.sockets, ...this.unsent]) socket.releaseFrom(from, to);
  }

  /** Ends all processes at the end of a run. */
  dispose(): void {
    for (const process of this.processes) process.kill();
  }

  /** Returns a number that no port and no process has. */
  newPort(): number {
    return this.#port++;
  }

  register(address: Address, server: SimulatedServer): boolean {
    const key = `${address.host}:${address.port}`;
    if (this.#servers.has(key)) return false;
    this.#servers.set(key, server);
    return true;
  }

  unregister({ host, port }: Address, server: SimulatedServer): void {
    const key = `${host}:${port}`;
    if (this.#servers.get(key) === server) this.#servers.delete(key);
  }

  /** Removes the servers of a host, as the end of its process does. */
  closeServers(host: string): void {
    for (const [key, server] of this.#servers) if (server.host === host) this.#servers.delete(key);
  }

  /** Number of servers of a host. */
  serversOf(host: string): number {
    return this.#servers.values().reduce((sum, server) => sum + (server.host === host ? 1 : 0), 0);
  }

  /** Sends the SYN of a socket. The outcome arrives after the latency. */
  connect(socket: SimulatedSocket, { host, port }: Address, from: string): void {
    const { world } = this;
    const fail = (code: string, ms: number) =>
      world.after(
        ms,
        () => socket.connecting && socket.destroy(connectionError('connect', code, { host, port })),
        socket.owner,
      );
    if (!this.hosts.has(host)) return void fail('ENOTFOUND', 1);
    fail('ETIMEDOUT', connectTimeoutMs);
    const attempt = () => {
      if (socket.destroyed) return;
      const [to, back] = [this.link(from, host), this.link(host, from)];
      if (to.isHeld || back.isHeld || !this.hosts.get(host)?.isUp) {
        world.after(1000 + world.random.below(2000), attempt, socket.owner);
        return;
      }
      const server = this.#servers.get(`${host}:${port}`);
      if (server === undefined || this.closedPorts.has(port))
        return void fail('ECONNREFUSED', this.latency(to) + this.latency(back));
      world.after(this.latency(to), () => server.receive(socket), server.owner);
    };
    attempt();
  }

  latency({ minMs, maxMs }: Link): number {
    return minMs + ((maxMs - minMs) * this.world.random.below(1000)) / 1000;
  }

  /** Replaces net.connect. */
  open(args: readonly unknown[]): SimulatedSocket {
    const [options, host] = args;
    const address =
      typeof options === 'object'
        ? (options as Address)
        : { host: typeof host === 'string' ? host : 'localhost', port: Number(options) };
    const onConnect = args.find((arg) => typeof arg === 'function') as Listener | undefined;
    const socket = new SimulatedSocket(this);
    if (onConnect) socket.once('connect', onConnect);
    const { signal } = Object(options) as { signal?: AbortSignal };
    if (signal) addAbortSignal(signal, socket);
    return socket.connectTo(address);
  }

  /** Replaces net.createServer. */
  createServer([options, ...more]: readonly unknown[]): SimulatedServer {
    const onConnection = [options, ...more].find((arg) => typeof arg === 'function') as Listener | undefined;
    const { allowHalfOpen = false } = typeof options === 'object' ? (options as { allowHalfOpen?: boolean }) : {};
    const server = new SimulatedServer(this, allowHalfOpen);
    if (onConnection) server.on('connection', onConnection);
    return server;
  }
}

export class SimulatedServer extends EventEmitter {
  readonly owner: World['owner'];
  host = '';
  listening = false;
  readonly #network: Network;
  readonly #allowHalfOpen: boolean;
  readonly #open = new Set<SimulatedSocket>();
  #port = 0;
  #onClosed: (() => void)[] = [];

  constructor(network: Network, allowHalfOpen: boolean) {
    super();
    this.#network = network;
    this.#allowHalfOpen = allowHalfOpen;
    this.owner = network.world.owner;
  }

  listen(port: number, ...args: unknown[]): this {
    const { world } = this.#network;
    const done = args.find((arg) => typeof arg === 'function') as (() => void) | undefined;
    if (done) this.once('listening', done);
    if (this.owner?.isAlive === false) return this;
    this.host = hostOf(this.owner);
    this.#port = port === 0 ? this.#network.newPort() : port;
    const isFree = this.#network.register({ host: this.host, port: this.#port }, this);
    world.after(0, () => {
      this.listening = isFree;
      if (isFree) this.emit('listening');
      else this.emit('error', connectionError('listen', 'EADDRINUSE', { host: this.host, port: this.#port }));
    });
    return this;
  }

  address(): { address: string; port: number; family: string } {
    return { address: '127.0.0.1', port: this.#port, family: 'IPv4' };
  }

  close(done?: () => void): this {
    this.#network.unregister({ host: this.host, port: this.#port }, this);
    this.listening = false;
    if (done) this.#onClosed.push(done);
    this.#checkClosed();
    return this;
  }

  ref(): this {
    return this;
  }

  unref(): this {
    return this;
  }

  /** Accepts a connection. */
  receive(client: SimulatedSocket): void {
    if (client.destroyed) return;
    const socket = new SimulatedSocket(this.#network, this.#allowHalfOpen);
    this.#open.add(socket);
    socket.once('close', () => {
      this.#open.delete(socket);
      this.#checkClosed();
    });
    socket.accept(client, this.#port);
    this.emit('connection', socket);
  }

  #checkClosed(): void {
    if (this.listening || this.#open.size > 0) return;
    const waiting = this.#onClosed.splice(0);
    if (waiting.length === 0) return;
    this.#network.world.after(0, () => {
      this.emit('close');
      for (const each of waiting) each();
    });
  }
}
