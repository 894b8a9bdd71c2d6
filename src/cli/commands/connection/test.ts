// Tests a named connection: AMQP at each address, the management API, and the permissions of the user.

import builtin from '../../../../rascal.json' with { type: 'json' };
import type { Management } from '../../../admin/client.ts';
import type { ConnectionConfig } from '../../../config/config.ts';
import { endpointOf } from '../../../config/endpoint.ts';
import { redactor } from '../../../config/redact.ts';
import type { Context } from '../../../context.ts';
import { asMqError, type ErrorCode, escaped, exitStatuses, safeJson } from '../../../errors.ts';
import { time } from '../../../time.ts';
import type { Values } from '../../arguments/values.ts';
import { addressesOf } from '../../input/addresses.ts';
import { withConnection } from '../../input/connections.ts';
import { findManagement } from '../../input/management.ts';

/** One line of the report. */
interface Result {
  readonly check: 'amqp' | 'management' | 'permissions';
  /** `undefined` if it is unknown or not needed. */
  readonly ok: boolean | undefined;
  /** The address or the vhost; empty if none is known. */
  readonly at: string;
  readonly text: string;
  /** Further fields of --json. */
  readonly broker?: { readonly product: string; readonly version: string; readonly cluster: string | null };
  readonly code?: ErrorCode;
}

/** Prints what works. Returns the exit status of the first failure, or 0. */
export async function testConnection(given: Context, values: Values, name: string): Promise<number> {
  const timeoutMs = values.duration('timeout') ?? 5_000;
  const { context } = await withConnection(given, name);
  const addresses = (await addressesOf(context, values)) ?? [];
  const results: Result[] = [];
  // A server may repeat the login in its answer.
  const redact = redactor([]);
  const report = (result: Result) => {
    results.push(result);
    context.stdout.write(redact(values.flag('json') ? `${safeJson(result)}\n` : `${escaped(lineOf(result))}\n`));
  };
  for (const address of addresses) report(await amqpResult(context, address, timeoutMs));
  for (const result of await managementResults(context, values, { addresses, timeoutMs })) report(result);
  const failure = results.find(({ ok, code }) => ok === false && code !== undefined);
  return failure?.code === undefined ? 0 : exitStatuses[failure.code];
}

function lineOf({ check, ok, at, text }: Result): string {
  const state = ok === undefined ? '-' : ok ? 'ok' : 'failed';
  // Errors of the management API contain its address.
  return `${check.padEnd(11)}  ${state.padEnd(6)}  ${at === '' || text.includes(at) ? '' : `${at}: `}${text}`;
}

async function amqpResult(context: Context, address: ConnectionConfig, timeoutMs: number): Promise<Result> {
  const at = `${address.protocol ?? 'amqp'}://${endpointOf(address)}`;
  const [{ tryConnection }, { openPeer }, { builtinConfig }] = await Promise.all([
    import('../../../session/try-connection.ts'),
    import('../../../session/peer.ts'),
    import('../../../config/load.ts'),
  ]);
  const tried = { config: builtinConfig(builtin), addresses: [address], command: 'connection' };
  try {
    await tryConnection(tried, { withinMs: timeoutMs, signal: context.drain });
    const connectionName = `mq connection ${time.randomUUID().slice(0, 8)}`;
    const peer = await openPeer([address], { connectionName, timeoutMs, signal: context.drain });
    try {
      const { product, version, clusterName, vhost } = peer;
      const declares = (await peer.ownQueue()) === undefined ? 'cannot declare' : 'can declare';
      const cluster = clusterName === undefined ? '' : ` (cluster ${clusterName})`;
      return {
        check: 'amqp',
        ok: true,
        at,
        text: `${product} ${version}${cluster}, vhost ${vhost}, ${declares} a queue`,
      };
    } finally {
      await peer.close();
    }
  } catch (error) {
    return failed('amqp', at, error);
  }
}

function failed(check: Result['check'], at: string, error: unknown): Result {
  const { code, message, hint } = asMqError(error);
  return { check, ok: false, at, text: `${message} [${code}]${hint === undefined ? '' : `; ${hint}`}`, code };
}

interface Tested {
  readonly addresses: readonly ConnectionConfig[];
  readonly timeoutMs: number;
}

/** A named API that does not work is a failure. An API that mq derives from the AMQP address is optional. */
async function managementResults(
  context: Context,
  values: Values,
  { addresses, timeoutMs }: Tested,
): Promise<Result[]> {
  const named = context.env['MQ_MANAGEMENT_URL'] !== undefined;
  let at = '';
  try {
    const { api } = await findManagement(context, values, { connections: addresses, limits: { timeoutMs } });
    at = api.origin;
    try {
      return await apiResults(api, addresses[0]);
    } finally {
      api.close();
    }
  } catch (error) {
    const { code, ...result } = failed('management', at, error);
    return [named ? { ...result, ...(code && { code }) } : { ...result, ok: undefined }];
  }
}

async function apiResults(api: Management, address: ConnectionConfig = {}): Promise<Result[]> {
  const { vhost = '/', user: amqpUser = 'guest' } = address;
  const [{ objectIn, textIn, textsIn }, { apiPath }] = await Promise.all([
    import('../../../admin/json.ts'),
    import('../../../admin/path.ts'),
  ]);
  const whoami = objectIn(await api.request('GET', '/whoami'));
  const [user, tags] = [textIn(whoami['name']), textsIn(whoami['tags'])];
  const at = api.origin;
  const own: Result = { check: 'management', ok: true, at, text: `user ${user}, tags ${tags.join(', ') || 'none'}` };
  const result = (text: string, ok?: boolean): Result => ({ check: 'permissions', ok, at: `vhost ${vhost}`, text });
  if (api.credentials?.kind === 'token') return [own, result('the scopes of the token are the permissions')];
  if (!tags.includes('administrator'))
    return [own, result(`the API shows the permissions of '${user}' to administrators only`)];
  const answer = await api.ask('GET', apiPath`/permissions/${vhost}/${user}`);
  if (answer.status !== 200) {
    const text = `'${user}' has no permission in this vhost`;
    // Another user of the API does not need one.
    return [own, user === amqpUser ? { ...result(text, false), code: 'NOT_PERMITTED' } : result(text)];
  }
  const granted = objectIn(answer.body);
  const patterns = ['configure', 'write', 'read'].map((access) => `${access} '${textIn(granted[access])}'`);
  return [own, result(patterns.join(', '), true)];
}
