// The faults of the management API: as a proxy, a busy node, or a changed password make them.

import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import { apiPort } from '../broker.ts';
import type { Simulation } from '../simulation.ts';
import type { apiFaults } from './plan.ts';

type Name = (typeof apiFaults)[number];
type Undo = () => void;
type Respond = (request: IncomingMessage, response: ServerResponse, serve: RequestListener) => void;

/** 502 and 504 come from a proxy, and 504 after the node has received the request. */
const statuses = [500, 503, 502, 504] as const;
/** The longest one exceeds the time that mq waits for an answer (30 s). */
const lateMs = [200, 3000, 60_000] as const;

/** Returns the function that undoes the fault. */
export function injectApiFault({ network }: Simulation, name: Name, target: number): Undo {
  if (name === 'API refuses connections') {
    network.closedPorts.add(apiPort);
    return () => void network.closedPorts.delete(apiPort);
  }
  const respond = responses[name](target, network.world.after.bind(network.world));
  network.onHttpRequest = respond;
  return () => {
    if (network.onHttpRequest === respond) network.onHttpRequest = undefined;
  };
}

type After = Simulation['world']['after'];

const responses: Readonly<Record<Exclude<Name, 'API refuses connections'>, (target: number, after: After) => Respond>> =
  {
    'API answers with an error': (target) => (request, response, serve) => {
      const status = statuses[target % statuses.length] ?? 500;
      if (status === 504) discard(request, response, serve);
      answer(response, status, status === 500 || status === 503 ? '{"error":"a fault","reason":"a fault"}' : '<html>');
    },
    'API answers late': (target, after) => (request, response, serve) => {
      const end = response.end.bind(response) as (...args: unknown[]) => ServerResponse;
      response.end = (...args: unknown[]) => {
        after(lateMs[target % lateMs.length] ?? 0, () => void end(...args));
        return response;
      };
      serve(request, response as Parameters<RequestListener>[1]);
    },
    /** The connection is lost after a part of the answer. The node has carried out the request. */
    'API answer cut': (target) => (request, response, serve) => {
      response.end = (text?: unknown) => {
        const bytes = typeof text === 'string' ? text : '';
        if (target % 2 === 0 && bytes !== '') response.write(bytes.slice(0, target % bytes.length));
        response.socket?.destroySoon();
        return response;
      };
      serve(request, response as Parameters<RequestListener>[1]);
    },
    'API refuses the login': () => (_request, response) =>
      answer(response, 401, '{"error":"not_authorized","reason":"Login failed"}'),
  };

function answer(response: ServerResponse, status: number, text: string): void {
  const type = text.startsWith('<') ? 'text/html' : 'application/json';
  response.writeHead(status, { 'content-type': type, 'content-length': text.length, connection: 'close' }).end(text);
}

/** Carries out a request without its answer. */
function discard(request: IncomingMessage, response: ServerResponse, serve: RequestListener): void {
  const silent = Object.assign(Object.create(response), {
    setHeader: () => silent,
    writeHead: () => silent,
    end: () => silent,
  }) as Parameters<RequestListener>[1];
  serve(request, silent);
}
