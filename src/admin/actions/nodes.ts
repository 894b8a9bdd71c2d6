// The nodes of the cluster, what they can do, and the cluster as a whole.

import type { Action, Item } from '../action.ts';
import { changeAction } from '../change.ts';
import { listAction } from '../listing.ts';
import { showAction } from '../look.ts';

const flag = { name: 'feature-flag' } as const;
const feature = { name: 'deprecated-feature' } as const;

export const nodeActions: readonly Action[] = [
  listAction({
    noun: 'nodes',
    summary: 'every node: memory, disk, descriptors and alarms',
    path: '/nodes',
    columns: [
      'name',
      'running',
      'uptime',
      'mem_used',
      'mem_alarm',
      'disk_free',
      'disk_free_alarm',
      'proc_used',
      'being_drained',
    ],
    isGlobal: true,
  }),
  showAction({ noun: 'node', summary: 'everything about one node', args: [{ name: 'node' }], path: '/nodes/:node' }),
  listAction({
    noun: 'feature-flags',
    summary: 'what the cluster has enabled',
    path: '/feature-flags',
    columns: ['name', 'state', 'stability', 'desc'],
    isGlobal: true,
  }),
  showAction({
    noun: 'feature-flag',
    summary: 'its state and stability',
    args: [flag],
    path: '/feature-flags',
    pick: isNamed('feature-flag'),
  }),
  changeAction({
    verb: 'enable',
    noun: 'feature-flag',
    summary: 'for good: it cannot be disabled again',
    args: [flag],
    request: 'PUT /feature-flags/:feature-flag/enable',
    body: ({ arg }) => ({ name: arg('feature-flag') }),
    question: ({ arg }) => `enable feature flag '${arg('feature-flag')}', which cannot be taken back?`,
  }),
  listAction({
    noun: 'deprecated-features',
    summary: 'what will go, and whether it is still permitted',
    path: '/deprecated-features',
    columns: ['name', 'deprecation_phase', 'state', 'provided_by'],
    isGlobal: true,
  }),
  listAction({
    noun: 'used-deprecated-features',
    summary: 'of these, what is in use here',
    path: '/deprecated-features/used',
    columns: ['name', 'deprecation_phase', 'provided_by'],
    isGlobal: true,
  }),
  showAction({
    noun: 'deprecated-feature',
    summary: 'its phase, and on RabbitMQ 4.3 its state',
    args: [feature],
    path: '/deprecated-features',
    pick: isNamed('deprecated-feature'),
  }),
  changeAction({
    verb: 'set',
    noun: 'cluster-name',
    summary: 'how the cluster is called',
    args: [{ name: 'name' }],
    request: 'PUT /cluster-name',
    body: ({ arg }) => ({ name: arg('name') }),
  }),
];

function isNamed(argument: string): (item: Item, arg: (name: string) => string) => boolean {
  return (item, arg) => item['name'] === arg(argument);
}
