// mq admin: runs the actions of admin/actions.ts, which show and change objects through the management API.

import type { Action, Call } from '../../admin/action.ts';
import type { Context } from '../../context.ts';
import { MqError } from '../../errors.ts';
import { optionSets } from '../arguments/options.ts';
import type { Values } from '../arguments/values.ts';
import type { Command } from '../command.ts';
import { type ConfigOf, openManagement } from '../input/management.ts';
import { canAsk, isConfirmed } from '../input/question.ts';
import { type OptionOwner, refuseForeignOptions } from '../verb.ts';
import { adminCall } from './admin/call.ts';
import { adminCandidates } from './admin/candidates.ts';
import { actionOf, findAction, nameOf, optionsOf, usage } from './admin/find-action.ts';
import { adminHelp } from './admin/help.ts';
import { adminWatch } from './admin/watch.ts';

export function adminCommand(configOf: ConfigOf): Command {
  const command: Command = {
    name: 'admin',
    summary: 'show and change queues, users and policies of a broker',
    usage: '<action> …',
    options: optionSets.admin,
    group: 'Operation',
    topic: 'admin',
    examples: [
      'mq admin list queues --sort -messages_ready --limit 10',
      'mq admin create queue orders --type quorum',
      'mq admin set permission anna "^orders" "^orders" ".*" --vhost shop',
      'mq admin export definitions broker.json',
    ],
    help: async (words, width) => {
      const { actions } = await import('../../admin/actions.ts');
      return adminHelp(command, words, { actions, width });
    },
    completes: async (words, names) => {
      const { actions } = await import('../../admin/actions.ts');
      return adminCandidates(words, names, actions);
    },
    completedOptions: async (words) => {
      const { actions } = await import('../../admin/actions.ts');
      const action = actionOf(words, actions);
      return action ? optionsOf(action) : optionSets.admin;
    },
    run: (context, values) => run(context, values, configOf),
  };
  return command;
}

/** Runs the action that the arguments name. Returns the exit status. */
async function run(context: Context, given: Values, configOf: ConfigOf): Promise<number> {
  const { actions } = await import('../../admin/actions.ts');
  const found = findAction(given.args, actions);
  const { action } = found;
  const values = given.ofVerb(nameOf(action));
  refuseForeignOptions(values, optionOwner(action), actions.map(optionOwner));
  if (action.question && !values.flag('yes') && !canAsk(context))
    throw usage(action, `${nameOf(action)} asks for consent: without a terminal it requires --yes`);
  const sendsPassword = action.options?.includes('new-password-file') === true && !values.flag('no-password');
  const opened = await openManagement(context, values, { configOf, sendsPassword });
  const call = adminCall(context, values, { ...found, ...opened });
  try {
    await consent(context, values, call);
    return await adminWatch(context, values, call);
  } finally {
    opened.api.close();
  }
}

function optionOwner(action: Action): OptionOwner {
  return { name: `admin ${nameOf(action)}`, options: optionsOf(action) };
}

async function consent(context: Context, values: Values, call: Call): Promise<void> {
  const { question } = call.action;
  if (question === undefined || values.flag('yes')) return;
  const { brokerName } = await import('../../admin/broker-name.ts');
  const asked = (await question(call)).replace(/\?$/, '');
  if (!(await isConfirmed(context, `${asked} on ${await brokerName(call.api)}?`)))
    throw new MqError('ANSWER_NO', 'nothing was done');
}
