// Records what a client sends to a broker: requests of the management API and AMQP methods. The client connects to proxies
// in front of the broker.

import { createServer as createHttpServer, request } from 'node:http';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

/** Requests and methods that have passed the proxies. */
export interface Recorded {
  /** Requests of the client: `GET /api/queues/%2F`, without the query. */
  readonly requests: string[];
  /** Methods of the client, such as `queue.declare`. Other methods than those that change something are `class.method`. */
  readonly methods: string[];
}

export interface Recorder extends Recorded {
  /** Addresses of the proxies. */
  readonly url: string;
  readonly managementUrl: string;
  /** Closes all AMQP connections. */
  readonly cut: () => void;
}

interface Target {
  readonly url: string;
  readonly managementUrl: string;
  /** Called with each request after the broker's answer has arrived, and before the client receives it. */
  readonly beforeAnswer?: (request: string) => Promise<void> | void;
  /** Called with each answer of the broker, also over AMQP. If it returns `true`, the client does not receive the answer. */
  readonly isWithheld?: (recorded: Recorded) => boolean;
}

/** AMQP 0-9-1: the methods that change a broker, by the ids of class and method. */
const changingMethods: Readonly<Record<string, string>> = {
  '40.10': 'exchange.declare',
  '40.20': 'exchange.delete',
  '40.30': 'exchange.bind',
  '40.40': 'exchange.unbind',
  '50.10': 'queue.declare',
  '50.20': 'queue.bind',
  '50.30': 'queue.purge',
  '50.40': 'queue.delete',
  '50.50': 'queue.unbind',
  '60.40': 'basic.publish',
};

/** Returns the recorded requests and methods that may change something. */
export function writesOf({ requests, methods }: Recorded): string[] {
  return [
    ...requests.filter((line) => !line.startsWith('GET ')),
    ...methods.filter((one) => Object.values(changingMethods).includes(one)),
  ];
}

/** Runs `use` with proxies in front of the broker, then closes them. */
export async function withRecorder(target: Target, use: (recorder: Recorder) => Promise<void>): Promise<void> {
  const requests: string[] = [];
  const methods: string[] = [];
  const { isWithheld = () => false } = target;
  const http = httpProxy(target, { requests, methods });
  const sockets = new Set<Socket>();
  const cut = () => {
    for (const socket of sockets) socket.destroy();
  };
  const amqp = createServer((client) => {
    const { hostname, port } = new URL(target.url);
    const broker = connect(Number(port), hostname);
    const read = methodReader((method) => methods.push(method));
    client.on('data', read);
    client.pipe(broker);
    broker.on('data', (chunk) => {
      if (!isWithheld({ requests, methods })) client.write(chunk);
    });
    for (const socket of [client, broker]) {
      sockets.add(socket);
      socket.on('error', () => undefined);
      socket.on('close', () => {
        sockets.delete(socket);
        (socket === client ? broker : client).destroy();
      });
    }
  });
  const [httpPort, amqpPort] = await Promise.all([http, amqp].map(listening));
  const through = (url: string, port: number | undefined) =>
    Object.assign(new URL(url), { hostname: '127.0.0.1', port: String(port) }).href;
  try {
    await use({
      url: through(target.url, amqpPort),
      managementUrl: through(target.managementUrl, httpPort),
      requests,
      methods,
      cut,
    });
  } finally {
    http.closeAllConnections();
    cut();
    await Promise.all([http, amqp].map((server) => new Promise((resolve) => server.close(resolve))));
  }
}

function httpProxy(
  { managementUrl, beforeAnswer = () => undefined, isWithheld = () => false }: Target,
  recorded: Recorded,
) {
  const { hostname, port } = new URL(managementUrl);
  return createHttpServer((incoming, outgoing) => {
    const { method, url = '', headers } = incoming;
    const line = `${method} ${url.replace(/\?.*/, '')}`;
    recorded.requests.push(line);
    // A connection of its own, because the broker may close one that waits for the next request.
    const to = { host: hostname, port, method, path: url, headers, agent: false };
    const passed = request(to, async (answer) => {
      await beforeAnswer(line);
      if (isWithheld(recorded)) return void answer.resume();
      outgoing.writeHead(answer.statusCode ?? 500, answer.headers);
      answer.pipe(outgoing);
    });
    passed.on('error', () => outgoing.destroy());
    incoming.pipe(passed);
  });
}

function listening(server: ReturnType<typeof createServer>): Promise<number> {
  return new Promise((resolve) => {
    server.listen(0, '127.0.0.1', () => resolve((server.address() as AddressInfo).port));
  });
}

/** Returns a function that receives the bytes of a client, and reports each method. */
function methodReader(report: (method: string) => void): (chunk: Buffer) => void {
  // AMQP 0-9-1, 4.2.2: the protocol header has 8 bytes.
  let left = 8;
  let bytes = Buffer.alloc(0);
  return (chunk) => {
    bytes = Buffer.concat([bytes, chunk]);
    if (bytes.length < left) return;
    bytes = bytes.subarray(left);
    left = 0;
    // AMQP 0-9-1, 4.2.3: type, channel, size, payload, end.
    while (bytes.length >= 7 && bytes.length >= bytes.readUInt32BE(3) + 8) {
      const end = bytes.readUInt32BE(3) + 8;
      if (bytes.readUInt8(0) === 1) {
        const id = `${bytes.readUInt16BE(7)}.${bytes.readUInt16BE(9)}`;
        report(changingMethods[id] ?? id);
      }
      bytes = bytes.subarray(end);
    }
  };
}
