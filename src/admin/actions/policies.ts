// Actions for policies, and for operator policies, whose limits a policy cannot exceed.

import type { Action, Call } from '../action.ts';
import { objectArgument } from '../arguments.ts';
import { changeAction, deleteQuestion } from '../change-action.ts';
import type { ApiObject } from '../json.ts';
import { listAction } from '../list-action.ts';
import { showAction } from '../show-action.ts';
import { refuseMirroring } from './mirroring.ts';

const targets = ['all', 'queues', 'exchanges', 'classic_queues', 'quorum_queues', 'streams'];

export const policyActions: readonly Action[] = [
  ...actionsOf('policy', 'policies', 'list policies'),
  ...actionsOf('operator-policy', 'operator-policies', 'list operator policies'),
];

function actionsOf(noun: string, plural: string, summary: string): readonly Action[] {
  const args = [{ name: noun }] as const;
  const path = `/${plural}/:vhost/:${noun}` as const;
  return [
    listAction({
      noun: plural,
      summary,
      path: `/${plural}`,
      vhostPath: `/${plural}/:vhost`,
      columns: ['vhost', 'name', 'pattern', 'apply-to', 'priority', 'definition'],
    }),
    showAction({ noun, summary: 'show the pattern, definition and priority', args, path, isInVhost: true }),
    changeAction({
      verb: 'set',
      noun,
      summary: 'set a definition for the queues or exchanges that match',
      details: `The definition is JSON, such as '{"max-length":1000}'. The pattern is a regular expression for names.`,
      args: [...args, { name: 'pattern' }, { name: 'definition' }],
      options: ['priority', 'apply-to'],
      isInVhost: true,
      request: `PUT ${path}`,
      body: (call) => policyBody(call, noun),
    }),
    changeAction({
      verb: 'delete',
      noun,
      summary: 'delete a policy; its settings no longer apply',
      args,
      isInVhost: true,
      request: `DELETE ${path}`,
      question: deleteQuestion(),
    }),
  ];
}

function policyBody(call: Call, noun: string): ApiObject {
  const definition = objectArgument(call, 'definition');
  const pattern = call.arg('pattern');
  refuseMirroring(definition, { name: call.arg(noun), pattern });
  const applyTo = call.text('apply-to') ?? (noun === 'policy' ? 'all' : 'queues');
  if (!targets.includes(applyTo)) throw call.usage(`--apply-to must be ${targets.join(' or ')}, not '${applyTo}'`);
  const priority = call.whole('priority', { min: 0 }) ?? 0;
  return { pattern, definition, priority, 'apply-to': applyTo };
}
