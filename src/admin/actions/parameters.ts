// Actions for parameters of plugins, by component and vhost, and for global parameters.

import { type Action, vhostOf } from '../action.ts';
import { jsonOf } from '../arguments.ts';
import { changeAction, deleteQuestion } from '../change-action.ts';
import { listAction } from '../list-action.ts';
import { showAction } from '../show-action.ts';

const args = [{ name: 'component' }, { name: 'parameter' }] as const;
const path = '/parameters/:component/:vhost/:parameter';
const globalArgs = [{ name: 'parameter' }] as const;
const globalPath = '/global-parameters/:parameter';

export const parameterActions: readonly Action[] = [
  listAction({
    noun: 'parameters',
    summary: 'list parameters of plugins: shovels, federation upstreams',
    path: '/parameters',
    columns: ['vhost', 'component', 'name', 'value'],
  }),
  showAction({ noun: 'parameter', summary: 'show one parameter', args, path, isInVhost: true }),
  changeAction({
    verb: 'set',
    noun: 'parameter',
    summary: 'set a parameter to a JSON value',
    args: [...args, { name: 'value' }],
    isInVhost: true,
    request: `PUT ${path}`,
    body: (call) => ({
      component: call.arg('component'),
      vhost: vhostOf(call),
      name: call.arg('parameter'),
      value: jsonOf(call, 'value'),
    }),
  }),
  changeAction({
    verb: 'delete',
    noun: 'parameter',
    summary: 'delete a parameter',
    args,
    isInVhost: true,
    request: `DELETE ${path}`,
    question: deleteQuestion(),
  }),
  listAction({
    noun: 'global-parameters',
    summary: 'list parameters of the cluster',
    path: '/global-parameters',
    columns: ['name', 'value'],
    isGlobal: true,
  }),
  showAction({
    noun: 'global-parameter',
    summary: 'show one parameter of the cluster',
    args: globalArgs,
    path: globalPath,
  }),
  changeAction({
    verb: 'set',
    noun: 'global-parameter',
    summary: 'set a parameter of the cluster to a JSON value',
    args: [...globalArgs, { name: 'value' }],
    request: `PUT ${globalPath}`,
    body: (call) => ({ name: call.arg('parameter'), value: jsonOf(call, 'value') }),
  }),
  changeAction({
    verb: 'delete',
    noun: 'global-parameter',
    summary: 'delete a parameter of the cluster',
    args: globalArgs,
    request: `DELETE ${globalPath}`,
    question: deleteQuestion(),
  }),
];
