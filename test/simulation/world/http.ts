// HTTP over simulated sockets: clients of node:http connect in the network of the world, and its servers accept from it.

import http, { type RequestListener, type ServerOptions } from 'node:http';
import type { Network, SimulatedServer } from './network.ts';
import type { SimulatedSocket } from './socket.ts';

const { createServer } = http;
const { createConnection } = http.Agent.prototype;

/** Replaces the sockets of node:http while `network` returns a network. */
export function replaceHttp(network: () => Network | undefined): void {
  http.Agent.prototype.createConnection = ((...args: Parameters<typeof createConnection>) =>
    network()?.open(args.slice(0, 1)) ?? createConnection(...args)) as typeof createConnection;
  http.createServer = ((options: ServerOptions, listener: RequestListener) => {
    const its = network();
    return its ? simulatedServer(its, options, listener) : createServer(options, listener);
  }) as typeof createServer;
}

/** Returns a server of the network whose connections node:http serves. */
function simulatedServer(network: Network, options: ServerOptions, listener: RequestListener): SimulatedServer {
  const server = createServer(options, (request, response) => {
    // Node reads the real clock for this header.
    response.sendDate = false;
    if (network.onHttpRequest) network.onHttpRequest(request, response, listener);
    else listener(request, response);
  });
  const sockets = new Set<SimulatedSocket>();
  const front = network.createServer([
    { allowHalfOpen: true },
    (socket: SimulatedSocket) => {
      sockets.add(socket);
      socket.once('close', () => sockets.delete(socket));
      server.emit('connection', socket);
    },
  ]);
  const closeAllConnections = () => {
    for (const socket of sockets) socket.destroy();
  };
  return Object.assign(front, { closeAllConnections });
}
