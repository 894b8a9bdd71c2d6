// Applies the named connection of a command line, and reports the broker that a command is about to change.

import type { Context } from '../context.ts';
import type { Values } from './arguments/values.ts';
import type { Command } from './command.ts';

/** Commands that use a broker only with this option. */
const onlyWith: Readonly<Record<string, string>> = {
  check: 'live',
  graph: 'live',
  init: 'connection',
  route: 'live',
  test: 'connection',
};
/** Commands that use no broker with this option. */
const notWith: Readonly<Record<string, string>> = { plan: 'against' };

/** Commands that change nothing on a broker, and their verbs if only some change nothing. */
const reading: Readonly<Record<string, true | readonly string[]>> = {
  admin: ['check', 'export', 'list', 'overview', 'show', 'whoami'],
  check: true,
  delayed: ['list'],
  dlq: ['list', 'show'],
  graph: true,
  init: true,
  peek: true,
  plan: true,
  route: true,
  top: true,
  wait: true,
};

/**
 * Returns the context with the addresses and the login of the connection that the command line or MQ_CONNECTION names.
 * Returns the same context if neither names one. Passes the name and the address to `say` if the command can change the
 * broker. Throws the errors of chosenConnection and withConnection.
 */
export async function connectedContext(
  context: Context,
  command: Command,
  { values, say }: { values: Values; say: (text: string) => void },
): Promise<Context> {
  // The module with the connections is loaded only if it is needed, because each command runs this.
  const isNamed = values.given.includes('connection') || context.env['MQ_CONNECTION'] !== undefined;
  if (!isNamed || !usesBroker(command, values)) return context;
  const { chosenConnection, shownUrl, withConnection } = await import('./input/connections.ts');
  const name = chosenConnection(context, values);
  if (name === undefined) return context;
  const { context: connected, shown, managementUrls } = await withConnection(context, name);
  // The API may belong to another broker if the user trusts it.
  const trusted = values.flag('trust-management') ? managementUrls : [];
  const apis = (values.name('management-url')?.split(',').map(shownUrl) ?? trusted).join(', ');
  if (!isReading(values)) say(`connection '${name}': ${shown}${apis && `; management API ${apis}`}`);
  return connected;
}

function usesBroker({ options, verbs = {} }: Command, values: Values): boolean {
  const accepted = [...options, ...Object.values(verbs).flatMap((verb) => verb.options)];
  if (!accepted.some((option) => option.name === 'connection')) return false;
  const [required, excluded] = [onlyWith[values.command], notWith[values.command]];
  return (required === undefined || values.given.includes(required)) && !values.given.includes(excluded ?? '');
}

function isReading({ command, verb, args }: Values): boolean {
  const verbs = Object.hasOwn(reading, command) ? reading[command] : [];
  return verbs === true || verbs?.includes(verb ?? args[0] ?? '') === true;
}
