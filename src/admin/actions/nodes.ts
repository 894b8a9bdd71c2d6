// Actions for the nodes of the cluster, their features, and the cluster as a whole.

import type { Action } from '../action.ts';
import { changeAction } from '../change-action.ts';
import type { ApiObject } from '../json.ts';
import { listAction } from '../list-action.ts';
import { showAction } from '../show-action.ts';

const flag = { name: 'feature-flag' } as const;
const feature = { name: 'deprecated-feature' } as const;

export const nodeActions: readonly Action[] = [
  listAction({
    noun: 'nodes',
    summary: 'list nodes: memory, disk, file descriptors, alarms',
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
  showAction({ noun: 'node', summary: 'show one node', args: [{ name: 'node' }], path: '/nodes/:node' }),
  listAction({
    noun: 'feature-flags',
    summary: 'list feature flags and their states',
    path: '/feature-flags',
    columns: ['name', 'state', 'stability', 'desc'],
    isGlobal: true,
  }),
  showAction({
    noun: 'feature-flag',
    summary: 'show the state and stability of a feature flag',
    args: [flag],
    path: '/feature-flags',
    pick: isNamed('feature-flag'),
  }),
  changeAction({
    verb: 'enable',
    noun: 'feature-flag',
    summary: 'enable a feature flag; it cannot be disabled again',
    args: [flag],
    request: 'PUT /feature-flags/:feature-flag/enable',
    body: ({ arg }) => ({ name: arg('feature-flag') }),
    question: ({ arg }) => `enable feature flag '${arg('feature-flag')}', which cannot be undone?`,
  }),
  listAction({
    noun: 'deprecated-features',
    summary: 'list deprecated features and whether they are permitted',
    path: '/deprecated-features',
    columns: ['name', 'deprecation_phase', 'state', 'provided_by'],
    isGlobal: true,
  }),
  listAction({
    noun: 'used-deprecated-features',
    summary: 'list the deprecated features that are in use',
    path: '/deprecated-features/used',
    columns: ['name', 'deprecation_phase', 'provided_by'],
    isGlobal: true,
  }),
  showAction({
    noun: 'deprecated-feature',
    summary: 'show the phase of a deprecated feature',
    args: [feature],
    path: '/deprecated-features',
    pick: isNamed('deprecated-feature'),
  }),
  changeAction({
    verb: 'set',
    noun: 'cluster-name',
    summary: 'set the name of the cluster',
    args: [{ name: 'name' }],
    request: 'PUT /cluster-name',
    body: ({ arg }) => ({ name: arg('name') }),
  }),
];

function isNamed(argument: string): (item: ApiObject, arg: (name: string) => string) => boolean {
  return (item, arg) => item['name'] === arg(argument);
}
