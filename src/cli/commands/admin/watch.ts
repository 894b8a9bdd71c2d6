// Runs an action and prints its result once, or repeatedly with --watch.

import type { Call, Result } from '../../../admin/action.ts';
import type { OutputFormat } from '../../../admin/print.ts';
import type { Context } from '../../../context.ts';
import { asMqError, escaped } from '../../../errors.ts';
import { fittingLines, showFrames, writeText } from '../../../terminal/screen.ts';
import { time } from '../../../time.ts';
import type { Values } from '../../arguments/values.ts';

/** Runs the action, and prints its result. Returns the exit status. */
export async function adminWatch(context: Context, values: Values, call: Call): Promise<number> {
  const { formatResult } = await import('../../../admin/print.ts');
  const { stdout } = context;
  const intervalMs = values.duration('interval') ?? 2_000;
  if (values.flag('watch') !== true) {
    if (values.text('interval') !== undefined) throw call.usage('--interval requires --watch');
    const result = await call.action.run(call);
    await writeText(stdout, await formatResult(result, await formatOf(context, values, call)));
    return statusOf(result);
  }
  const isScreen = stdout.isTTY === true && values.flag('json') !== true;
  await showFrames(context, { intervalMs, isScreen, frame: () => frame(context, values, call) });
  return 0;
}

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
  const shown = fittingLines(stdout, lines);
  const title = `${new Date(time.date()).toLocaleTimeString('sv')}  ${call.api.origin}`;
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
