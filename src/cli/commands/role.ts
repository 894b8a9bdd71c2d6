// Runs a role as a command. Combines the role's settings with the command line.

import type { Config } from '../../config/config.ts';
import {
  failurePolicies,
  isReceiving,
  isSending,
  type ReceivingRole,
  type RoleConfig,
  type SendingRole,
  usesOf,
} from '../../config/role.ts';
import type { Context } from '../../context.ts';
import { escaped, MqError } from '../../errors.ts';
import { unmatched } from '../../handlers/environment.ts';
import type { Handler, HandlerWorld } from '../../handlers/handler.ts';
import { messageFields } from '../../handlers/message-fields.ts';
import type { Input } from '../../roles/input.ts';
import type { Properties } from '../../session/wire.ts';
import { optionSets } from '../arguments/options.ts';
import type { Values } from '../arguments/values.ts';
import { awaitBroker } from '../broker-wait.ts';
import type { Command } from '../command.ts';
import { usageLine } from '../help.ts';
import { addressesOf } from '../input/addresses.ts';
import { roleExamples, roleSections } from '../role-help.ts';
import { handlerChoice, handlerPlace, parallelism } from './role/handler-options.ts';
import { type Observation, observed } from './role/observation.ts';
import { properties } from './role/properties.ts';
import { intervalOf } from './role/rate.ts';
import { reconnectLimit } from './role/reconnect.ts';
import { replyPlaces } from './role/reply-to.ts';

/** Returns the command for a role of rascal.json. A generic command names a publication or subscription instead. */
export function roleCommand(
  name: string,
  role: RoleConfig,
  { config, group }: { config: Config; group: string },
): Command {
  return {
    name,
    // Help contains texts of rascal.json, so they are escaped.
    summary: escaped(role.summary ?? `${role.behaviour} ${Object.values(usesOf(role)).flat().join(', ')}`),
    usage: escaped(usageOf(role)),
    options: optionSets[role.behaviour],
    sendsText: isSending(role),
    ...(role.log && { log: role.log }),
    sections: roleSections(role),
    examples: roleExamples(name, role).map(escaped),
    group,
    topic: isSending(role) ? 'publishing' : 'handlers',
    run: (context, values) => runRole(context, values, { name, role, config }),
  };
}

interface Row<Role extends RoleConfig = RoleConfig> {
  readonly name: string;
  readonly role: Role;
  readonly config: Config;
}

/** Row of a role that is running. */
interface RunningRow<Role extends RoleConfig = RoleConfig> extends Row<Role> {
  readonly observation: Observation;
  readonly beginDrain: () => void;
  readonly drainMs: number;
}

export async function runRole(context: Context, values: Values, row: Row): Promise<void> {
  const { role } = row;
  const drainMs = values.duration('drain') ?? role.drain ?? 25_000;
  /** Starts the time that the handlers have to finish. */
  const beginDrain = () => void setTimeout(context.giveUp, drainMs).unref();
  context.drain.addEventListener('abort', beginDrain, { once: true });
  try {
    await observed(context, values, { name: row.name, role, takes: isReceiving(role) }, (inner, observation) => {
      const running = { ...row, observation, beginDrain, drainMs };
      if (isReceiving(role)) return runConsume(inner, values, { ...running, role });
      const runSending = role.behaviour === 'publish' ? runPublish : runRequest;
      return runSending(inner, values, { ...running, role });
    });
  } finally {
    context.drain.removeEventListener('abort', beginDrain);
  }
}

async function runPublish(context: Context, values: Values, row: RunningRow<SendingRole>): Promise<void> {
  const settings = {
    publication: row.role.publication,
    ...sending(values, row, context),
    skip: skipped(values),
    mandatory: values.flag('mandatory') ?? true,
    window: values.whole('window', { min: 1, max: 65_535 }) ?? 256,
    intervalMs: intervalOf(values),
    json: values.flag('json') ?? false,
  };
  const { publish } = await import('../../roles/publish.ts');
  await withSession(context, values, row, (session) => publish(context, session, settings));
}

async function runRequest(context: Context, values: Values, row: RunningRow<SendingRole>): Promise<void> {
  const settings = {
    publication: row.role.publication,
    ...sending(values, row, context),
    say: row.observation.say,
    window: values.whole('window', { min: 1, max: 65_535 }) ?? 64,
    intervalMs: intervalOf(values),
    replyTimeoutMs: values.duration('timeout') ?? 30_000,
    ownQueue: values.flag('reply-queue') ?? false,
    json: values.flag('json') ?? false,
  };
  const { request } = await import('../../roles/request.ts');
  await withSession(context, values, row, (session) => request(context, session, settings));
}

async function runConsume(context: Context, values: Values, row: RunningRow<ReceivingRole>): Promise<void> {
  const { role, config } = row;
  const { behaviour } = role;
  const keys = values.args;
  if (role.arguments === 'keys' && keys.length === 0)
    throw values.usage(
      `no ${role.keyName ?? 'key'} is given; usage: ${usageLine({ name: row.name, usage: usageOf(role) })}`,
    );
  if (role.arguments !== 'keys') values.expectAtMost(0);
  const choice = handlerChoice(values, role);
  const { prefetch: most, concurrency, calls, batch } = parallelism(values, { role, config, choice });
  const numbers = {
    count: values.whole('count', { min: 1 }),
    idleMs: values.duration('idle'),
    maxTimeMs: values.duration('max-time'),
    untilEmpty: values.flag('until-empty') ?? false,
    json: values.flag('json') ?? false,
    intervalMs: intervalOf(values),
    drainMs: row.drainMs,
  };
  const prefetch = prefetchFor(numbers.count, most);
  const isQuiet = values.flag('quiet') ?? false;
  if (isQuiet && numbers.json) throw values.usage('--quiet and --json exclude each other');
  const timeoutMs = values.duration('handler-timeout');
  const graceMs = values.duration('grace') ?? 5000;
  const maxBody = values.bytes('max-body');

  const onFail = values.choice('on-fail', failurePolicies);

  const [{ deadlineOf, makeHandler }, { canFail, consume }, { deadLetterWarning, droppingWarningOf, retryOf }] =
    await Promise.all([
      import('../../handlers/make.ts'),
      import('../../roles/consume.ts'),
      import('../../config/retry.ts'),
    ]);
  const sources = role.subscriptions.map((subscription) => ({
    subscription,
    queue: config.subscriptions[subscription]?.queue ?? '',
    retry: { ...retryOf(config, subscription, role.retry), ...(onFail && { onFail }) },
  }));
  const place = handlerPlace(values, choice);
  warnOfUnset(context.env, place.environment?.pass ?? [], row);
  const world: HandlerWorld = {
    cwd: choice.fromFile ? (config.folder ?? context.cwd) : context.cwd,
    env: context.env,
    // With --json, each line of stdout is a JSON object of mq, so the output of a program goes to stderr.
    stdout: numbers.json ? row.observation.handlerStderr : context.stdout,
    stderr: row.observation.handlerStderr,
    stderrOf: (message) => row.observation.handlerStderrOf(messageFields(message), { isNamed: concurrency > 1 }),
    kill: context.kill,
    graceMs,
    ...(timeoutMs !== undefined && { timeoutMs }),
  };
  const handler = await makeHandler(choice.config, world, { behaviour, calls, ...place, ...(batch && { batch }) });
  try {
    await withSession(context, values, row, (session) =>
      consume(context, session, {
        behaviour,
        sources,
        bindingKeys: role.arguments === 'keys' ? keys : undefined,
        prefetch,
        concurrency,
        handlerMs: deadlineOf(choice.config, world),
        ...numbers,
        handler: isQuiet ? quiet(handler) : handler,
        maxBody,
        beginDrain: row.beginDrain,
        canFail: canFail(choice.config) || maxBody !== undefined,
        warnings: sources
          .flatMap(({ subscription, retry }) => [
            canFail(choice.config) ? deadLetterWarning(config, subscription, retry) : undefined,
            droppingWarningOf(config, subscription),
          ])
          .filter((one) => one !== undefined),
        say: row.observation.say,
        mayReplyTo: replyPlaces(behaviour === 'reply' ? values.list('reply-to') : [], config),
        isDebug: row.observation.isDebug,
      }),
    );
  } finally {
    await handler.close();
  }
}

/**
 * Returns a prefetch that does not exceed --count, because mq would have to return the other messages. 0 means no
 * limit.
 */
function prefetchFor(count: number | undefined, most: number): number {
  return count !== undefined && count <= (most || 65_535) ? count : most;
}

function warnOfUnset(env: Context['env'], pass: readonly string[], { observation }: RunningRow): void {
  const unset = unmatched(env, pass);
  if (unset.length === 0) return;
  const message = `the handler does not get ${unset.join(', ')}: not set in the environment of mq`;
  observation.say({ level: 'warn', event: 'environment', message, fields: { unset } });
}

/** Returns a handler after which the role does not print the body. */
function quiet(handler: Handler): Handler {
  return {
    prints: 'handler',
    handle: (message, context) => handler.handle(message, context),
    ...(handler.handleBatch && {
      handleBatch: async (messages, context) => (await handler.handleBatch?.(messages, context)) ?? [],
    }),
    ...(handler.expectMore && { expectMore: (canCome) => handler.expectMore?.(canCome) }),
    close: () => handler.close(),
  };
}

/** Returns what `publish` and `request` share: the input and the properties of the message. */
function sending(
  values: Values,
  { role }: Row<SendingRole>,
  { env, stdin }: Context,
): { input: Input; routingKey: string | undefined; properties: Properties; persistent: boolean | undefined } {
  const byOption = values.text('routing-key');
  const takesKey = role.arguments === 'key text' && byOption === undefined;
  const [first, ...rest] = values.args;
  const words = takesKey ? rest : values.args;
  const takenAsKey = takesKey && words.length === 0 ? first : undefined;
  return {
    input: inputOf(values, words, { role, stdin, takenAsKey }),
    routingKey: byOption ?? (takesKey ? (first ?? role.routingKey) : role.routingKey),
    properties: properties(values, env),
    persistent: values.flag('persistent') ?? role.persistent,
  };
}

function skipped(values: Values): number {
  const skip = values.whole('skip', { min: 0 });
  if (skip !== undefined && !values.flag('lines')) throw values.usage('--skip counts lines: it needs --lines');
  return skip ?? 0;
}

function inputOf(
  values: Values,
  words: readonly string[],
  { role, stdin, takenAsKey }: { role: SendingRole; stdin: Context['stdin']; takenAsKey: string | undefined },
): Input {
  const file = values.name('file');
  const lines = values.flag('lines') ?? false;
  if ((lines || file !== undefined) && words.length > 0)
    throw values.usage(`'${words[0]}' and ${lines ? '--lines' : '--file'} are two inputs; give one`);
  if (lines) return { from: 'lines', path: file ?? '-' };
  if (file !== undefined) return { from: 'whole', path: file };
  if (words.length > 0) return { from: 'text', text: words.join(' ') };
  // With `echo text | mq task`, the piped text must not be replaced by the role's default text.
  const hint = textHint(role, takenAsKey);
  if (!stdin.isTTY) return { from: 'piped', otherwise: role.text, hint };
  if (role.text === undefined) throw new MqError('USAGE', 'no text is given', { hint });
  return { from: 'text', text: role.text };
}

/** Returns the hint for a missing text. The only argument may have been meant as the text. */
function textHint({ keyName = 'key' }: RoleConfig, takenAsKey: string | undefined): string {
  if (takenAsKey === undefined) return "give the text as an argument; '' is an empty one";
  const shown = takenAsKey.length > 40 ? `${takenAsKey.slice(0, 40)}…` : takenAsKey;
  return `'${shown}' was taken as the ${keyName}: give the text after it, or the ${keyName} by --routing-key`;
}

async function withSession(
  context: Context,
  values: Values,
  { name, role, config, observation }: RunningRow,
  work: (session: import('../../session/session.ts').Session) => Promise<void>,
): Promise<void> {
  const addresses = await addressesOf(context, values);
  const waitMs = values.duration('wait');
  if (waitMs !== undefined) {
    const { publications, subscriptions } = usesOf(role);
    const used = [
      ...publications.map((one) => config.publications[one]),
      ...subscriptions.map((one) => config.subscriptions[one]),
    ];
    const vhosts = [...new Set(used.flatMap((one) => one?.vhost ?? []))];
    const tell = (reason: string) =>
      observation.sayNamed({ level: 'warn', event: 'waiting', message: `no broker yet: ${reason}` });
    await awaitBroker({ config, addresses, vhosts, timeoutMs: waitMs, drain: context.drain, tell });
  }
  const { Session } = await import('../../session/session.ts');
  const session = new Session({
    config,
    addresses,
    role: name,
    confirmTimeoutMs: values.duration('timeout') ?? 60_000,
    say: observation.sayNamed,
    counts: observation.counts,
    reconnect: reconnectLimit(values),
  });
  try {
    await work(session);
  } finally {
    await session.close();
  }
}

function usageOf(role: RoleConfig): string {
  const { arguments: form, keyName = 'key' } = role;
  if (form === 'keys') return `${keyName}…`;
  if (form === 'key text') return `[${keyName} [text…]]`;
  return isSending(role) ? '[text…]' : '';
}
