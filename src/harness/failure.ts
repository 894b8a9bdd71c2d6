// Turns whatever was thrown (an Error, null, a string) into what the report shows.

import { fileURLToPath } from 'node:url';
import { inspect, stripVTControlCharacters } from 'node:util';
import type { Failure } from './event.ts';

/** Takes any thrown value; never throws. */
export function failureOf(thrown: unknown): Failure {
  if (!(thrown instanceof Error)) return { message: `threw ${inspect(thrown)}, which is not an Error`, stack: [] };
  const { details } = thrown as { details?: unknown };
  return {
    message: messageOf(thrown),
    ...(typeof details === 'string' && details !== '' && { details: stripVTControlCharacters(details).trimEnd() }),
    stack: [...placeOf(thrown), ...framesOf(thrown)],
  };
}

/** Where the error itself says it is, as those of loading a file do. */
function placeOf(error: Error): string[] {
  const { at } = error as { at?: unknown };
  return typeof at === 'string' && /:\d+(:\d+)?$/.test(at) ? [`at ${at}`] : [];
}

function messageOf(error: Error): string {
  const { code, hint } = error as { code?: unknown; hint?: unknown };
  const parts = [unremarkable.has(error.name) ? error.message : `${error.name}: ${error.message}`];
  if (typeof code === 'string' && code !== 'ERR_ASSERTION') parts.push(` [${code}]`);
  if (typeof hint === 'string') parts.push(`\nhint: ${hint}`);
  if (error.cause !== undefined && !isSaid(error.cause, error.message)) {
    parts.push(`\ncaused by: ${failureOf(error.cause).message}`);
  }
  return parts.join('');
}

/** A cause that the message repeats is not worth a line. */
function isSaid(cause: unknown, message: string): boolean {
  return cause instanceof Error && cause.message !== '' && message.includes(cause.message);
}

const unremarkable = new Set(['Error', 'Assertion', 'MqError']);

/**
 * The frames of the test and what it calls: without Node's and the packages', and nothing from the runner on down.
 * A syntax error says where it is in a line of its own before them.
 */
function framesOf(error: Error): string[] {
  const lines = String(error.stack ?? '').split('\n');
  const place = lines.find((line) => /^\S+\.[cm]?[jt]s:\d+$/.test(line));
  const frames = lines.filter((line) => /^\s+at /.test(line)).map((line) => line.trim());
  const runner = frames.findIndex((frame) => own.test(frame));
  const shown = frames.slice(0, runner === -1 ? frames.length : runner).filter((frame) => !foreign.test(frame));
  return [...(place === undefined ? [] : [`at ${place}`]), ...shown].map((frame) =>
    frame.replace(/file:\/\/[^\s:)]+/, (url) => fileURLToPath(url)),
  );
}

const own = /[\\/]src[\\/]harness[\\/](child|groups|guard|inside)\.ts:/;
/** Node's, the packages', those of what tests call of the harness, and in the executable all of mq. */
const foreign =
  /node:|[\\/]node_modules[\\/]|<anonymous>\)?$|\bmq:[\w.-]+\.js:|[\\/]src[\\/]harness[\\/](fixtures|mailbox|role|eventually)\.ts:/;
