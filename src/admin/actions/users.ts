// Actions for users: tags, passwords, limits. A password hash is shown only if --columns names it.

import { MqError } from '../../errors.ts';
import type { Action, Call, Result } from '../action.ts';
import { tagsOf } from '../arguments.ts';
import { changeAction, changeResult, deleteQuestion } from '../change-action.ts';
import { type ApiObject, objectIn } from '../json.ts';
import { listAction } from '../list-action.ts';
import { apiPath } from '../path.ts';
import { sendAction } from '../request.ts';
import { showAction } from '../show-action.ts';
import { limitBody } from './vhosts.ts';

const user = { name: 'user' } as const;
const tags = { name: 'tags', isRest: true, isOptional: true } as const;
const hidden = ['password_hash', 'hashing_algorithm'] as const;

export const userActions: readonly Action[] = [
  listAction({
    noun: 'users',
    summary: 'list users with their tags',
    path: '/users',
    columns: ['name', 'tags', 'limits'],
    isGlobal: true,
    hidden,
  }),
  showAction({
    noun: 'user',
    summary: 'show the tags and limits of a user',
    args: [user],
    path: '/users/:user',
    hidden,
  }),
  {
    verb: 'create',
    noun: 'user',
    summary: 'create a user with tags',
    details: 'The tags are administrator, monitoring, policymaker, management and impersonator.',
    args: [user, tags],
    options: ['new-password-file', 'password-hash', 'no-password'],
    request: 'PUT /users/:user',
    run: createUser,
  },
  {
    verb: 'set',
    noun: 'password',
    summary: 'set a new password',
    args: [user],
    options: ['new-password-file', 'password-hash'],
    request: 'PUT /users/:user',
    run: (call) => changeUser(call, async ({ tags: kept }) => ({ ...(await credentials(call)), tags: kept })),
  },
  {
    verb: 'set',
    noun: 'tags',
    summary: 'replace the tags of a user; without TAGS, remove all',
    args: [user, tags],
    request: 'PUT /users/:user',
    run: (call) => {
      const wanted = tagsOf(call).join(',');
      return changeUser(call, async ({ password_hash, hashing_algorithm }) => ({
        password_hash,
        hashing_algorithm,
        tags: wanted,
      }));
    },
  },
  changeAction({
    verb: 'delete',
    noun: 'user',
    summary: 'delete a user with its permissions and close its connections',
    args: [user],
    request: 'DELETE /users/:user',
    question: deleteQuestion('with its permissions'),
  }),
  listAction({
    noun: 'user-limits',
    summary: 'list max-connections and max-channels of users',
    path: '/user-limits',
    columns: ['user', 'value'],
    isGlobal: true,
  }),
  changeAction({
    verb: 'set',
    noun: 'user-limit',
    summary: 'set max-connections or max-channels of a user',
    details: '-1 means no limit.',
    args: [user, { name: 'limit' }, { name: 'number' }],
    request: 'PUT /user-limits/:user/:limit',
    body: limitBody,
  }),
  changeAction({
    verb: 'delete',
    noun: 'user-limit',
    summary: 'delete a limit of a user',
    args: [user, { name: 'limit' }],
    request: 'DELETE /user-limits/:user/:limit',
    question: deleteQuestion(),
  }),
];

/** Creates a user. Throws BAD_DATA if the user exists, because PUT would change the existing user. */
async function createUser(call: Call): Promise<Result> {
  const wanted = tagsOf(call).join(',');
  const path = apiPath`/users/${call.arg('user')}`;
  const { status } = await call.api.ask('GET', path);
  if (status === 200)
    throw new MqError('BAD_DATA', `there is already a user '${call.arg('user')}'`, {
      hint: 'to change it: mq admin set password, mq admin set tags',
    });
  await sendAction(call, { body: { ...(await credentials(call)), tags: wanted } });
  return changeResult(call, 'created', { tags: wanted });
}

/** Changes a user. The API replaces the whole user, so the current values are read first. */
async function changeUser(call: Call, change: (now: ApiObject) => Promise<ApiObject>): Promise<Result> {
  const { body } = await sendAction(call, { method: 'GET', path: apiPath`/users/${call.arg('user')}` });
  await sendAction(call, { body: await change(objectIn(body)) });
  return changeResult(call, 'set');
}

async function credentials(call: Call): Promise<ApiObject> {
  const hash = call.text('password-hash');
  const isWithout = call.flag('no-password') === true;
  if (isWithout && (hash !== undefined || call.text('new-password-file') !== undefined))
    throw call.usage('--no-password and a password exclude each other');
  if (isWithout) return { password_hash: '' };
  return hash === undefined ? { password: await call.newPassword() } : { password_hash: hash };
}
