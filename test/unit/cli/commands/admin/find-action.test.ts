import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { actions } from '../../../../../src/admin/actions.ts';
import { optionSets } from '../../../../../src/cli/arguments/options.ts';
import { actionOptions, findAction, wordsOf } from '../../../../../src/cli/commands/admin/find-action.ts';
import { MqError } from '../../../../../src/errors.ts';

function failure(...words: readonly string[]): string {
  try {
    const { action } = findAction(words, actions);
    return `found ${wordsOf(action)}`;
  } catch (error) {
    if (!(error instanceof MqError)) throw error;
    assert.is(error.code, 'USAGE');
    return `${error.message} / ${error.hint}`;
  }
}

test('finds an action by its words, in singular and plural', () => {
  for (const [typed, found] of [
    ['list queues', 'list queues'],
    ['list queue', 'list queues'],
    ['list policy', 'list policies'],
    ['list operator-policies', 'list operator-policies'],
    ['show queues q', 'show queue <queue>'],
    ['show topic-permissions anna', 'show topic-permission <user>'],
    ['overview', 'overview'],
    ['set tag anna a b c', 'set tags <user> [tags…]'],
  ] as const)
    assert.is(failure(...typed.split(' ')), `found ${found}`);
});

test('names the arguments and returns the rest', () => {
  const { args, rest } = findAction(['set', 'tags', 'anna', 'a', 'b'], actions);
  assert.equal([args, rest], [{ user: 'anna' }, ['a', 'b']]);
  assert.equal(findAction(['show', 'exchange', ''], actions).args, { exchange: '' });
});

test('suggests an action for words of other tools and typing errors', () => {
  for (const [typed, says] of [
    ['', 'say what to do: overview, whoami, list'],
    ['lst queues', "did you mean 'mq admin list queues'?"],
    ['queues list', "did you mean 'mq admin list queues'?"],
    ['queues declare', "did you mean 'mq admin create queue <queue>'?"],
    ['list_queues', "did you mean 'mq admin list queues'?"],
    ['set_user_tags anna administrator', "there is no 'mq admin set_user_tags'"],
    ['clear_permissions anna', "did you mean 'mq admin delete permission <user>'?"],
    ['declare queue x', "did you mean 'mq admin create queue x'?"],
    ['rm queue x', "did you mean 'mq admin delete queue x'?"],
    ['queue', "did you mean 'mq admin list queues'?"],
    ['list qeues', "did you mean 'mq admin list queues'?"],
    ['list', 'say what to list: queues, exchanges'],
    ['show', 'say what to show: queue'],
    ['purge nonsense', 'mq admin purge has queue'],
    ['show queue', 'give the queue: mq admin show queue <queue>'],
    ['list queues X', "unexpected argument 'X' / mq admin list queues --help"],
    ['list queues name messages', 'columns are an option: mq admin list queues --columns name,messages; mq admin list'],
    ['show queue q messages', 'mq admin show queue --columns messages'],
    ['delete queue q messages', "unexpected argument 'messages' / mq admin delete queue --help"],
    ['status', "did you mean 'mq admin overview'?"],
    ['health', "did you mean 'mq admin check health'?"],
    ['constructor', "there is no 'mq admin constructor'"],
  ] as const)
    assert.ok(failure(...typed.split(' ')).includes(says), `${typed}: ${failure(...typed.split(' '))}`);
});

test('each action is unique, has known options, and asks before it deletes', () => {
  const words = actions.map(({ verb, noun }) => `${verb} ${noun}`);
  assert.is(new Set(words).size, words.length);
  const names: string[] = optionSets.admin.map(({ name }) => name);
  for (const action of actions) {
    for (const option of actionOptions(action)) assert.ok(names.includes(option), `${wordsOf(action)}: ${option}`);
    const takes = action.request.startsWith('DELETE') || ['delete', 'purge', 'close'].includes(action.verb);
    assert.is(action.question !== undefined, takes || action.verb === 'enable', wordsOf(action));
    for (const [, name] of action.request.split('?')[0]?.matchAll(/:([a-z-]+)/g) ?? [])
      assert.ok(
        (name === 'vhost' && action.isInVhost) || action.args?.some((one) => one.name === name),
        `${wordsOf(action)}: ${action.request}`,
      );
  }
  const used = new Set(actions.flatMap(actionOptions));
  assert.equal(
    names.filter((name) => !used.has(name)),
    [],
  );
});

test.run();
