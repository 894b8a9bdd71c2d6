// Runs a role that publishes messages or sends requests.

import type { RoleConfig, SendingRole } from '../../../config/role.ts';
import type { Context } from '../../../context.ts';
import { bodyError } from '../../../contracts/checked-sending.ts';
import type { Contract } from '../../../contracts/contracts.ts';
import { MqError } from '../../../errors.ts';
import type { Input } from '../../../roles/input.ts';
import { bytesOfText } from '../../../session/byte-text.ts';
import type { Properties } from '../../../session/wire.ts';
import { intervalOf } from '../../arguments/rate.ts';
import { delimiters } from '../../arguments/receive-options.ts';
import type { Values } from '../../arguments/values.ts';
import { destinationContract, publicationContract } from '../../contract.ts';
import { properties } from '../../input/properties.ts';
import { delayOf } from './delay.ts';
import { type NamedRole, type RunningRole, withSession } from './running.ts';

export async function runPublish(context: Context, values: Values, running: RunningRole<SendingRole>): Promise<void> {
  const settings = {
    publication: running.role.publication,
    ...sending(values, running, context),
    contract: await contractOf(running, values.text('routing-key')),
    skip: skipped(values),
    mandatory: values.flag('mandatory') ?? true,
    delay: delayOf(values, running.config.delays[running.role.publication]),
    window: values.whole('window', { min: 1, max: 65_535 }) ?? 256,
    intervalMs: intervalOf(values),
    json: values.flag('json') ?? false,
  };
  refuseText(settings);
  const { publish } = await import('../../../roles/publish.ts');
  await withSession(context, values, running, (session) => publish(context, session, settings));
}

export async function runRequest(context: Context, values: Values, running: RunningRole<SendingRole>): Promise<void> {
  const settings = {
    publication: running.role.publication,
    ...sending(values, running, context),
    contract: await publicationContract(running.config, running.role.publication),
    say: running.observation.say,
    window: values.whole('window', { min: 1, max: 65_535 }) ?? 64,
    intervalMs: intervalOf(values),
    replyTimeoutMs: values.duration('timeout') ?? 30_000,
    ownQueue: values.flag('reply-queue') ?? false,
    json: values.flag('json') ?? false,
  };
  refuseText(settings);
  const { request } = await import('../../../roles/request.ts');
  await withSession(context, values, running, (session) => request(context, session, settings));
}

/** Returns the schema of the publication, or of the publications that use the same exchange or queue. */
function contractOf(
  { config, role: { publication }, definedIn }: RunningRole<SendingRole>,
  key = '',
): Promise<Contract | undefined> {
  if (definedIn === undefined) return publicationContract(config, publication);
  const { vhost = '/', exchange = '', queue } = config.publications[publication] ?? {};
  return destinationContract(definedIn, { vhost, exchange, routingKey: queue ?? key });
}

/** Throws BAD_DATA for a text that does not match the schema, before mq connects to the broker. */
function refuseText({ input, contract }: { input: Input; contract: Contract | undefined }): void {
  if (input.from !== 'text' || contract === undefined) return;
  const error = bodyError(bytesOfText(input.text), contract);
  if (error !== undefined) throw error;
}

/** Returns the settings of both `publish` and `request`: the input, the routing key and the message properties. */
function sending(
  values: Values,
  { role }: NamedRole<SendingRole>,
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
  if (skip !== undefined && !values.flag('lines')) throw values.usage('--skip counts lines: it requires --lines');
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
    throw values.usage(`'${words[0]}' and ${lines ? '--lines' : '--file'} are two inputs; only one is allowed`);
  const delimiter = values.choice('delimiter', delimiters);
  if (delimiter !== undefined && !lines) throw values.usage('--delimiter separates messages: it requires --lines');
  if (lines) return { from: 'lines', path: file ?? '-', ...(delimiter === 'NUL' && { delimiter: 0 }) };
  if (file !== undefined) return { from: 'whole', path: file };
  if (words.length > 0) return { from: 'text', text: words.join(' ') };
  // With `echo text | mq task`, the piped text must not be replaced by the role's default text.
  const hint = textHint(role, takenAsKey);
  if (!stdin().isTTY) return { from: 'piped', otherwise: role.text, hint };
  if (role.text === undefined) throw new MqError('USAGE', 'no text is given', { hint });
  return { from: 'text', text: role.text };
}

/**
 * Returns the hint for a missing text. If the only argument was used as the key, the user may have meant it as the
 * text.
 */
function textHint({ keyName = 'key' }: RoleConfig, takenAsKey: string | undefined): string {
  if (takenAsKey === undefined) return "give the text as an argument; '' is an empty text";
  const shown = takenAsKey.length > 40 ? `${takenAsKey.slice(0, 40)}…` : takenAsKey;
  return `'${shown}' is the ${keyName}: give the text after it, or the ${keyName} by --routing-key`;
}
