// Runs an action and prints its result once, or repeatedly with --watch.

import { setTimeout as pause } from 'node:timers/promises';
import type { Call, Result } from '../../../admin/action.ts';
import type { OutputFormat } from '../../../admin/print.ts';
import type { Context, Output } from '../../../context.ts';
import { asMqError, escaped, MqError } from '../../../errors.ts';
import { isBrokenPipe } from '../../../terminal/printer.ts';
import type { Values } from '../../arguments/values.ts';

/** Runs the action, and prints its result. Returns the exit status. */
export async function adminWatch(context: Context, values: Values, call: Call): Promise<number> {
  const { formatResult } = await import('../../../admin/print.ts');
  const { stdout } = context;
  const intervalMs = values.duration('interval') ?? 2_000;
  if (values.flag('watch') !== true) {
    if (values.text('interval') !== undefined) throw call.usage('--interval requires --watch');
    const result = await call.action.run(call);
    await write(stdout, await formatResult(result, await formatOf(context, values, call)));
    return statusOf(result);
  }
  const isScreen = stdout.isTTY === true && values.flag('json') !== true;
  if (isScreen) await write(stdout, screen.other);
  try {
    for (;;) {
      const text = await frame(context, values, call);
      if (context.drain.aborted || !(await write(stdout, isScreen ? screen.home + text : text))) return 0;
      await pause(intervalMs, undefined, { signal: context.drain }).catch(() => undefined);
      if (context.drain.aborted) return 0;
    }
  } finally {
    if (isScreen) await write(stdout, screen.own);
  }
}

/** Escape sequences of ECMA-48, and of xterm's private mode 1049, which restores the previous content of the screen. */
const screen = { other: '\u001b[?1049h', own: '\u001b[?1049l', home: '\u001b[H\u001b[J' } as const;

/**
 * Returns the current output of the action. If the broker does not answer, the watch continues, because the broker may
 * come back. On a terminal, that error and the action's notes are part of the frame, because the next frame would
 * erase text on stderr.
 */
async function frame(context: Context, values: Values, call: Call): Promise<string> {
  const { formatResult } = await import('../../../admin/print.ts');
  const { stdout, drain } = context;
  const isScreen = stdout.isTTY === true && values.flag('json') !== true;
  const notes: string[] = [];
  const say = isScreen ? (line: string) => notes.push(escaped(line)) : call.say;
  let text = '';
  try {
    text = await formatResult(await call.action.run({ ...call, say }), await formatOf(context, values, call));
  } catch (error) {
    if (drain.aborted) return '';
    const failure = asMqError(error);
    if (!['UNAVAILABLE', 'DEADLINE', 'HOST_UNKNOWN'].includes(failure.code)) throw error;
    say(failure.message);
  }
  if (!isScreen) return text;
  const lines = [...notes, ...text.split('\n').slice(0, -1)];
  // A terminal of unknown size reports 0.
  const most = Math.max(2, (stdout.rows || 24) - 2);
  const shown = lines.length > most ? [...lines.slice(0, most - 1), `… ${lines.length - most + 1} more`] : lines;
  const title = `${new Date().toLocaleTimeString('sv')}  ${call.api.origin}`;
  return `${[title, ...shown].join('\n')}\n`;
}

async function formatOf({ stdout }: Context, values: Values, call: Call): Promise<OutputFormat> {
  const [{ columnsOf }, { brokerName }] = await Promise.all([
    import('../../../admin/columns.ts'),
    import('../../../admin/broker-name.ts'),
  ]);
  const isNamed = stdout.isTTY === true && values.flag('json') !== true && !call.action.request.startsWith('GET ');
  return {
    broker: isNamed ? await brokerName(call.api) : undefined,
    isJson: values.flag('json') === true,
    terminalWidth: stdout.isTTY ? stdout.columns || 80 : undefined,
    hasHeaders: values.flag('headers') !== false,
    columns: columnsOf(call),
  };
}

function statusOf(result: Result): number {
  return result.kind === 'items' || result.kind === 'done' ? (result.status ?? 0) : 0;
}

/** Writes text. Returns `false` if the reader has closed the pipe. */
function write(stdout: Output, text: string): Promise<boolean> {
  return new Promise((resolve, reject) => {
    stdout.write(text, (error) => {
      if (!error) resolve(true);
      else if (isBrokenPipe(error)) resolve(false);
      else reject(new MqError('IO', `cannot write to stdout: ${error.message}`, { cause: error }));
    });
  });
}
