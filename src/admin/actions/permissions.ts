// Actions for the permissions of users in a vhost, and for their permissions on the routing keys of an exchange.

import type { Action } from '../action.ts';
import { changeAction, deleteQuestion } from '../change-action.ts';
import { listAction } from '../list-action.ts';
import { showAction } from '../show-action.ts';

const user = { name: 'user' } as const;
const path = '/permissions/:vhost/:user';
const topicPath = '/topic-permissions/:vhost/:user';

export const permissionActions: readonly Action[] = [
  listAction({
    noun: 'permissions',
    summary: 'list what users may configure, write and read',
    path: '/permissions',
    vhostPath: '/vhosts/:vhost/permissions',
    columns: ['vhost', 'user', 'configure', 'write', 'read'],
  }),
  showAction({
    noun: 'permission',
    summary: 'show the permissions of a user in a vhost',
    args: [user],
    path,
    isInVhost: true,
  }),
  changeAction({
    verb: 'set',
    noun: 'permission',
    summary: 'set the permissions of a user in a vhost',
    details: "Each permission is a regular expression for names: '' matches no name, '.*' matches every name.",
    args: [user, { name: 'configure' }, { name: 'write' }, { name: 'read' }],
    isInVhost: true,
    request: `PUT ${path}`,
    body: ({ arg }) => ({ configure: arg('configure'), write: arg('write'), read: arg('read') }),
  }),
  changeAction({
    verb: 'delete',
    noun: 'permission',
    summary: 'delete the permissions of a user in a vhost',
    args: [user],
    isInVhost: true,
    request: `DELETE ${path}`,
    question: deleteQuestion(),
  }),
  listAction({
    noun: 'topic-permissions',
    summary: 'list the routing keys that users may write and read',
    path: '/topic-permissions',
    vhostPath: '/vhosts/:vhost/topic-permissions',
    columns: ['vhost', 'user', 'exchange', 'write', 'read'],
  }),
  showAction({
    noun: 'topic-permission',
    summary: 'show the topic permissions of a user in a vhost',
    args: [user],
    path: topicPath,
    isInVhost: true,
  }),
  changeAction({
    verb: 'set',
    noun: 'topic-permission',
    summary: 'set regular expressions of routing keys for one exchange',
    args: [user, { name: 'exchange' }, { name: 'write' }, { name: 'read' }],
    isInVhost: true,
    request: `PUT ${topicPath}`,
    body: ({ arg }) => ({ exchange: arg('exchange'), write: arg('write'), read: arg('read') }),
  }),
  changeAction({
    verb: 'delete',
    noun: 'topic-permission',
    summary: 'delete the topic permissions of a user for one exchange',
    args: [user, { name: 'exchange' }],
    isInVhost: true,
    request: `DELETE ${topicPath}/:exchange`,
    question: deleteQuestion(),
  }),
];
