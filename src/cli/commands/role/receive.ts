// Runs a role that handles messages or replies to requests.

import { isPrivate } from '../../../config/config.ts';
import { type FailurePolicy, failurePolicies, type ReceivingRole } from '../../../config/role.ts';
import type { Context } from '../../../context.ts';
import { unmatched } from '../../../handlers/environment.ts';
import type { Handler, HandlerHost } from '../../../handlers/handler.ts';
import type { HandlerOptions } from '../../../handlers/make.ts';
import { messageFields } from '../../../handlers/message-fields.ts';
import type { Session } from '../../../session/session.ts';
import { intervalOf } from '../../arguments/rate.ts';
import { delimiters } from '../../arguments/receive-options.ts';
import type { Values } from '../../arguments/values.ts';
import { subscriptionContracts } from '../../contract.ts';
import { usageLine } from '../../help.ts';
import { refuseInput } from '../../input/output-file.ts';
import { type HandlerChoice, handlerChoice, handlerPlace, type Parallelism, parallelism } from './handler-options.ts';
import { offsetsOf } from './offsets.ts';
import { replyPlaces } from './reply-to.ts';
import { declares, type RunningRole, withSession } from './running.ts';
import { usageOf } from './usage.ts';

type Running = RunningRole<ReceivingRole>;
type ConsumeSettings = Parameters<typeof import('../../../roles/consume.ts').consume>[2];
type Source = ConsumeSettings['sources'][number];

export async function runReceiving(context: Context, values: Values, running: Running): Promise<void> {
  refuseArguments(values, running);
  const choice = handlerChoice(values, running.role);
  const options = optionsOf(values, running, choice);
  const file = values.name('file');
  if (file !== undefined) await refuseInput(context, values, { file, from: '--file' });
  const { file: offsetFile } = options.offsets;
  if (offsetFile !== undefined) await refuseInput(context, values, { file: offsetFile, from: '--offset-file' });
  warnOfSwallowed(choice, running);
  const { makeHandler } = await import('../../../handlers/make.ts');
  const sources = await sourcesOf(running, options);
  warnOfUnset(context.env, options.place.environment?.pass ?? [], running);
  const host = handlerHost(context, running, options);
  const handler = await makeHandler(choice.config, host, options.place);
  try {
    await withSession(context, values, running, (session) =>
      receive(context, session, { values, running, options, sources, host, handler }),
    );
  } finally {
    await handler.close();
  }
}

/** Throws USAGE if binding keys are missing, or cannot be bound, or if the role accepts no arguments. */
function refuseArguments(values: Values, { name, role, config }: Running): void {
  if (role.arguments !== 'keys') {
    values.expectAtMost(0);
    return;
  }
  if (values.args.length === 0)
    throw values.usage(`no ${role.keyName ?? 'key'} is given; usage: ${usageLine({ name, usage: usageOf(role) })}`);
  if (declares(values, config)) return;
  const queues = role.subscriptions.flatMap((subscription) => config.subscriptions[subscription] ?? []);
  const shared = queues.find(({ vhost, queue }) => !isPrivate(config.vhosts[vhost]?.queues[queue] ?? {}));
  if (shared === undefined) return;
  throw values.usage(
    `the role declares nothing, so it cannot bind the queue '${shared.queue}' with these keys`,
    'add the bindings to rascal.json and run mq apply, or use --declare',
  );
}

/** Settings that stop a role, limit its rate, or choose its output format. */
type Limits = Pick<
  ConsumeSettings,
  'count' | 'idleMs' | 'maxTimeMs' | 'untilEmpty' | 'intervalMs' | 'drainMs' | 'json'
>;

/** The options of the command line, combined with the settings of the role. */
interface Options {
  readonly choice: HandlerChoice;
  readonly parallel: Parallelism;
  readonly place: HandlerOptions;
  readonly limits: Limits;
  readonly offsets: ConsumeSettings['offsets'];
  readonly isQuiet: boolean;
  readonly maxBody: number | undefined;
  readonly onFail: FailurePolicy | undefined;
  readonly timeoutMs: number | undefined;
  readonly graceMs: number;
}

function optionsOf(values: Values, running: Running, choice: HandlerChoice): Options {
  const { role, config } = running;
  const parallel = parallelism(values, { role, config, choice });
  const { calls, batch } = parallel;
  const limits = limitsOf(values, running);
  const isQuiet = values.flag('quiet') ?? false;
  if (isQuiet && limits.json) throw values.usage('--quiet and --json exclude each other');
  return {
    choice,
    parallel,
    place: { behaviour: role.behaviour, calls, ...handlerPlace(values, choice), ...(batch && { batch }) },
    limits,
    offsets: offsetsOf(values, running),
    isQuiet,
    maxBody: values.bytes('max-body'),
    onFail: values.choice('on-fail', failurePolicies),
    timeoutMs: values.duration('handler-timeout'),
    graceMs: values.duration('grace') ?? 5000,
  };
}

function limitsOf(values: Values, { drainMs }: Running): Limits {
  return {
    count: values.whole('count', { min: 1 }),
    idleMs: values.duration('idle'),
    maxTimeMs: values.duration('max-time'),
    untilEmpty: values.flag('until-empty') ?? false,
    json: values.flag('json') ?? false,
    intervalMs: intervalOf(values),
    drainMs,
  };
}

/** Returns the queues and the retry settings of the role's subscriptions. */
async function sourcesOf({ role, config }: Running, { onFail }: Options): Promise<Source[]> {
  const { retryOf } = await import('../../../config/retry-queues.ts');
  const contracts = await subscriptionContracts(config, role.subscriptions);
  return role.subscriptions.map((subscription) => {
    const contract = contracts?.get(subscription);
    return {
      subscription,
      queue: config.subscriptions[subscription]?.queue ?? '',
      retry: { ...retryOf(config, subscription, role.retry), ...(onFail && { onFail }) },
      ...(contract && { contract }),
    };
  });
}

function handlerHost(context: Context, { config, observation }: Running, options: Options): HandlerHost {
  const { choice, parallel, limits, timeoutMs, graceMs } = options;
  return {
    cwd: choice.fromFile ? (config.folder ?? context.cwd) : context.cwd,
    env: context.env,
    // With --json, each line of stdout is a JSON object of mq, so the output of a program goes to stderr.
    stdout: limits.json ? observation.handlerStderr : context.stdout,
    stderr: observation.handlerStderr,
    stderrOf: (message) => observation.handlerStderrOf(messageFields(message), { isNamed: parallel.concurrency > 1 }),
    kill: context.kill,
    spawn: context.spawn,
    ...(context.native && { native: context.native }),
    graceMs,
    ...(timeoutMs !== undefined && { timeoutMs }),
  };
}

interface Receiving {
  readonly values: Values;
  readonly running: Running;
  readonly options: Options;
  readonly sources: readonly Source[];
  readonly host: HandlerHost;
  readonly handler: Handler;
}

async function receive(
  context: Context,
  session: Session,
  { values, running, options, sources, host, handler }: Receiving,
): Promise<void> {
  const { role, config, observation } = running;
  const { choice, parallel, limits, offsets, isQuiet, maxBody } = options;
  const [{ deadlineOf }, { canFail, consume }] = await Promise.all([
    import('../../../handlers/make.ts'),
    import('../../../roles/consume.ts'),
  ]);
  const canFailOf = canFail(choice.config) || sources.some(({ contract }) => contract !== undefined);
  await consume(context, session, {
    behaviour: role.behaviour,
    sources,
    offsets,
    bindingKeys: role.arguments === 'keys' ? values.args : undefined,
    prefetch: prefetchFor(limits.count, parallel.prefetch),
    concurrency: parallel.concurrency,
    handlerMs: deadlineOf(choice.config, host),
    ...limits,
    delimiter: delimiterOf(values, { isPrinted: !isQuiet && !limits.json && handler.prints === 'role' }),
    handler: isQuiet ? quiet(handler) : handler,
    maxBody,
    beginDrain: running.beginDrain,
    canFail: canFailOf || maxBody !== undefined,
    warnings: await warningsOf(running, sources, canFailOf),
    say: observation.say,
    mayReplyTo: replyPlaces(role.behaviour === 'reply' ? values.list('reply-to') : [], config),
    isDebug: observation.isDebug,
  });
}

/** Returns the byte after each body on stdout. */
function delimiterOf(values: Values, { isPrinted }: { isPrinted: boolean }): number {
  const delimiter = values.choice('delimiter', delimiters);
  if (delimiter !== undefined && !isPrinted)
    throw values.usage('--delimiter needs bodies that mq prints: not with --json, --quiet, --file or a handler');
  return delimiter === 'NUL' ? 0 : 0x0a;
}

/** Returns the warnings about subscriptions whose failed messages would be lost. */
async function warningsOf({ config }: Running, sources: readonly Source[], canFail: boolean): Promise<string[]> {
  const { deadLetterWarning, droppingWarningOf } = await import('../../../config/retry-queues.ts');
  return sources
    .flatMap(({ subscription, retry }) => [
      canFail ? deadLetterWarning(config, subscription, retry) : undefined,
      droppingWarningOf(config, subscription),
    ])
    .filter((one) => one !== undefined);
}

/**
 * Returns a prefetch that does not exceed --count, because mq would have to return the messages above the count. 0
 * means no limit.
 */
function prefetchFor(count: number | undefined, most: number): number {
  return count !== undefined && count <= (most || 65_535) ? count : most;
}

/** Warns of an option that may have been meant for mq, but is passed to the handler's program. */
function warnOfSwallowed({ config, swallowed }: HandlerChoice, { observation }: Running): void {
  if (swallowed === undefined) return;
  const option = 'execLines' in config ? '--exec-lines' : '--exec';
  const message = `${swallowed} is passed to the command: options of mq belong before ${option} (${option} -- CMD avoids this warning)`;
  observation.sayNamed({ level: 'warn', event: 'option', message, fields: { option: swallowed } });
}

/** Warns of variables that the handler should inherit but that are not set in the environment of mq. */
function warnOfUnset(env: Context['env'], pass: readonly string[], { observation }: Running): void {
  const unset = unmatched(env, pass);
  if (unset.length === 0) return;
  const message = `the handler does not receive ${unset.join(', ')}: not set in the environment of mq`;
  observation.say({ level: 'warn', event: 'environment', message, fields: { unset } });
}

/** Returns the handler with `prints: 'handler'`, so that the role prints no message bodies. */
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
