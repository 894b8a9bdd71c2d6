// Actions for exchanges.

import type { Action } from '../action.ts';
import { argumentsOf } from '../arguments.ts';
import { changeAction, deleteQuestion } from '../change-action.ts';
import { listAction } from '../list-action.ts';
import { showAction } from '../show-action.ts';

const args = [{ name: 'exchange' }] as const;
const path = '/exchanges/:vhost/:exchange';

export const exchangeActions: readonly Action[] = [
  listAction({
    noun: 'exchanges',
    summary: 'list exchanges',
    details: 'The exchange without a name is the default exchange.',
    path: '/exchanges',
    vhostPath: '/exchanges/:vhost',
    columns: ['vhost', 'name', 'type', 'durable', 'auto_delete', 'internal', 'arguments'],
    isPaged: true,
  }),
  showAction({
    noun: 'exchange',
    summary: "show one exchange ('' is the default exchange)",
    args,
    path,
    isInVhost: true,
  }),
  changeAction({
    verb: 'create',
    noun: 'exchange',
    summary: 'create an exchange; it is direct and durable',
    args,
    options: ['type', 'durable', 'auto-delete', 'internal', 'argument'],
    isInVhost: true,
    request: `PUT ${path}`,
    body: (call) => ({
      type: call.text('type') ?? 'direct',
      durable: call.flag('durable') ?? true,
      auto_delete: call.flag('auto-delete') ?? false,
      internal: call.flag('internal') ?? false,
      arguments: argumentsOf(call),
    }),
  }),
  changeAction({
    verb: 'delete',
    noun: 'exchange',
    summary: 'delete an exchange with its bindings',
    args,
    options: ['if-unused'],
    isInVhost: true,
    request: `DELETE ${path}`,
    query: (call) => ({ 'if-unused': call.flag('if-unused') }),
    question: deleteQuestion('with its bindings'),
  }),
];
