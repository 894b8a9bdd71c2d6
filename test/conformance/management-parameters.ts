// Jobs of the management API: operator policies and vhost limits as runtime parameters.

import { type Asked, ask } from './management-api.ts';
import { type Job, named } from './program.ts';

type Request = readonly [path: string, method?: string, body?: unknown];

const definition = { pattern: '^a', definition: { 'max-length': 5 }, priority: 1, 'apply-to': 'queues' };

/** Returns a job that creates a vhost with a limit, a policy and an operator policy, and then sends the requests. */
function inVhost(requests: (vhost: string) => readonly Request[]): Job {
  return async () => {
    const vhost = named('vhost');
    await ask(`/vhosts/${vhost}`, 'PUT');
    try {
      await ask(`/vhost-limits/${vhost}/max-queues`, 'PUT', { value: 10 });
      await ask(`/policies/${vhost}/own`, 'PUT', definition);
      await ask(`/operator-policies/${vhost}/operator`, 'PUT', definition);
      const answers: Asked[] = [];
      for (const [path, method, body] of requests(vhost)) {
        const answer = await ask(path, method, body);
        // A shared broker has other vhosts, too.
        const ours = (item: { vhost?: unknown }) => item.vhost === vhost;
        answers.push(Array.isArray(answer.body) ? { ...answer, body: answer.body.filter(ours) } : answer);
      }
      return answers;
    } finally {
      await ask(`/vhosts/${vhost}`, 'DELETE');
    }
  };
}

const limits = (vhost: string) => `/parameters/vhost-limits/${vhost}/limits`;
const operator = (vhost: string) => `/parameters/operator_policy/${vhost}/operator`;

export const parameters: Readonly<Record<string, Job>> = {
  'parameters: all': inVhost(() => [['/parameters']]),
  'parameters: of a component': inVhost(() => [
    ['/parameters/vhost-limits'],
    ['/parameters/operator_policy'],
    ['/parameters/policy'],
    ['/parameters/none'],
  ]),
  'parameters: of a component and a vhost': inVhost((vhost) => [
    [`/parameters/vhost-limits/${vhost}`],
    [`/parameters/operator_policy/${vhost}`],
    [`/parameters/policy/${vhost}`],
    [`/parameters/none/${vhost}`],
    [`/parameters/vhost-limits/${vhost}.none`],
  ]),
  'parameters: one': inVhost((vhost) => [
    [limits(vhost)],
    [operator(vhost)],
    [`/parameters/policy/${vhost}/own`],
    [`/parameters/none/${vhost}/own`],
    [`/parameters/vhost-limits/${vhost}/none`],
    [`/parameters/vhost-limits/${vhost}.none/limits`],
  ]),
  'parameters: set': inVhost((vhost) => [
    [limits(vhost), 'PUT', { value: { 'max-connections': 7 } }],
    [`/vhost-limits/${vhost}`],
    [operator(vhost), 'PUT', { value: { ...definition, priority: 2 } }],
    [`/operator-policies/${vhost}`],
    [`${operator(vhost)}2`, 'PUT', { value: definition }],
    [`/parameters/operator_policy/${vhost}`],
  ]),
  'parameters: invalid': inVhost((vhost) => [
    [limits(vhost), 'PUT', { value: { 'max-queues': true } }],
    [limits(vhost), 'PUT', { none: 7 }],
    [`/parameters/none/${vhost}/one`, 'PUT', { value: {} }],
    [`/parameters/policy/${vhost}/one`, 'PUT', { value: definition }],
    [`/parameters/operator_policy/${vhost}.none/one`, 'PUT', { value: definition }],
  ]),
  'parameters: removed': inVhost((vhost) => [
    [limits(vhost), 'DELETE'],
    [`/vhost-limits/${vhost}`],
    [operator(vhost), 'DELETE'],
    [operator(vhost), 'DELETE'],
    [`/operator-policies/${vhost}`],
    [`/parameters/none/${vhost}/one`, 'DELETE'],
  ]),
};
