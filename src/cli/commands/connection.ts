// mq connection: adds, lists, shows, removes and tests the named connections of the user.

import type { Context } from '../../context.ts';
import { escaped, MqError, safeJson } from '../../errors.ts';
import { connectionVerbOptions } from '../arguments/command-options.ts';
import type { Values } from '../arguments/values.ts';
import type { Command } from '../command.ts';
import { readConnections, storedIn } from '../input/connections.ts';
import { connectionsPath } from '../input/connections-path.ts';
import { shownConnection, summaryOf } from './connection/shown.ts';

export const connectionCommand: Command = {
  name: 'connection',
  summary: 'name brokers with their addresses and logins',
  usage: '',
  options: [],
  group: 'Configuration',
  topic: 'login',
  verbs: {
    add: {
      usage: '<name>',
      summary: 'add a connection; secrets are stored as references',
      options: connectionVerbOptions.add,
      examples: [
        "mq connection add prod --url amqps://app@rabbit --password-command 'pass prod'",
        'mq connection add ci --url amqp://ci@rabbit --password-env CI_PASSWORD',
        'mq connection add cloud --url amqps://rabbit --token-command get-token',
      ],
      run: (context, values) => add(context, values),
    },
    list: {
      usage: '',
      summary: 'list the connections',
      options: connectionVerbOptions.list,
      examples: ['mq connection list', 'mq connection list --json'],
      run: list,
    },
    show: {
      usage: '<connection>',
      summary: 'show a connection; secrets are not read',
      options: connectionVerbOptions.show,
      examples: ['mq connection show prod'],
      run: show,
    },
    remove: {
      usage: '<connection>',
      summary: 'remove a connection',
      options: connectionVerbOptions.remove,
      examples: ['mq connection remove prod'],
      run: remove,
    },
    test: {
      usage: '<connection>',
      summary: 'report what works: AMQP, the management API, permissions',
      options: connectionVerbOptions.test,
      examples: ['mq connection test prod', 'mq connection test prod --json'],
      run: async (context, values) => {
        const { testConnection } = await import('./connection/test.ts');
        return testConnection(context, values, nameOf(values));
      },
    },
  },
  examples: ['mq connection list', 'mq connection test prod', 'mq --connection prod apply'],
};

async function add(context: Context, values: Values): Promise<void> {
  const name = nameOf(values);
  const [{ connectionOf }, { changeConnections }] = await Promise.all([
    import('./connection/given.ts'),
    import('../input/change-connections.ts'),
  ]);
  const added = await connectionOf(context, values, name);
  const file = await changeConnections(context, (all) => {
    if (all[name] !== undefined && !values.flag('overwrite'))
      throw values.usage(`the connection '${name}' exists`, 'use --overwrite, or mq connection remove');
    return { ...all, [name]: added };
  });
  if (values.flag('json')) context.stdout.write(`${safeJson({ added: name, file })}\n`);
  else
    context.stdout.write(
      `${escaped(`added '${name}' to ${file}, without secrets; mq connection test ${name} tries it`)}\n`,
    );
}

async function list(context: Context, values: Values): Promise<void> {
  values.expectAtMost(0);
  const entries = Object.entries(await readConnections(context));
  const { env, stdout } = context;
  if (values.flag('json')) {
    for (const [name, one] of entries) stdout.write(`${safeJson({ name, ...shownConnection(one) })}\n`);
    return;
  }
  if (entries.length === 0) {
    stdout.write(`${escaped(`there is no connection in ${connectionsPath(context)}; mq connection add adds one`)}\n`);
    return;
  }
  const [{ drawTable }, { widthOf }] = await Promise.all([
    import('../../terminal/table.ts'),
    import('../../terminal/wrap.ts'),
  ]);
  const rows = entries.map(([name, one]) => {
    const { url, login } = summaryOf(one);
    return [name, url, login, name === env['MQ_CONNECTION'] ? 'MQ_CONNECTION' : ''].map(escaped);
  });
  const columns = ['name', 'url', 'login', 'used by'];
  const lines = drawTable({ columns, rows, width: widthOf(stdout), hasHeaders: true });
  stdout.write(lines.map((line) => `${line.trimEnd()}\n`).join(''));
}

async function show(context: Context, values: Values): Promise<void> {
  const name = nameOf(values);
  const shown = shownConnection(storedIn(await readConnections(context), name, context));
  if (values.flag('json')) context.stdout.write(`${safeJson({ name, ...shown })}\n`);
  else {
    const lines = Object.entries(shown).map(([key, value]) => `${key}: ${[value].flat().join(', ')}`);
    context.stdout.write(lines.map((line) => `${escaped(line)}\n`).join(''));
  }
}

async function remove(context: Context, values: Values): Promise<void> {
  const name = nameOf(values);
  // The lock would create the folder.
  storedIn(await readConnections(context), name, context);
  const { changeConnections } = await import('../input/change-connections.ts');
  await changeConnections(context, (all) => Object.fromEntries(Object.entries(all).filter(([one]) => one !== name)));
  context.stdout.write(`${escaped(`removed '${name}'`)}\n`);
}

function nameOf(values: Values): string {
  values.expectAtMost(1);
  const [name] = values.args;
  if (name === undefined) throw values.usage('give the name of a connection');
  if (name.includes('://')) throw new MqError('USAGE', 'an address is not the name of a connection');
  return name;
}
