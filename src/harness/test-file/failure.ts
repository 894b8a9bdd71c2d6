// Converts a thrown value (an Error, null, a string) to a failure for the report.

import { fileURLToPath } from 'node:url';
import { inspect, stripVTControlCharacters } from 'node:util';
import type { Failure } from './event.ts';

/** Returns the failure for a thrown value. Never throws. */
export function failureOf(thrown: unknown): Failure {
  if (!(thrown instanceof Error)) return { message: `threw ${inspect(thrown)}, which is not an Error`, stack: [] };
  const { details } = fieldsOf(thrown);
  return {
    message: messageOf(thrown),
    ...(typeof details === 'string' && details !== '' && { details: stripVTControlCharacters(details).trimEnd() }),
    stack: [...placeOf(thrown), ...framesOf(thrown)],
  };
}

/** Returns the position that the error itself contains, as errors of loading a file do. */
function placeOf(error: Error): string[] {
  const { at } = fieldsOf(error);
  return typeof at === 'string' && /:\d+(:\d+)?$/.test(at) ? [`at ${at}`] : [];
}

/** Returns the additional fields of errors of mq, Node and uvu. */
function fieldsOf(error: Error & { details?: unknown; at?: unknown; code?: unknown; hint?: unknown }) {
  return error;
}

function messageOf(error: Error): string {
  const { code, hint } = fieldsOf(error);
  const parts = [unremarkable.has(error.name) ? error.message : `${error.name}: ${error.message}`];
  if (typeof code === 'string' && code !== 'ERR_ASSERTION') parts.push(` [${code}]`);
  if (typeof hint === 'string') parts.push(`\nhint: ${hint}`);
  if (error.cause !== undefined && !isCauseShown(error.cause, error.message)) {
    parts.push(`\ncaused by: ${failureOf(error.cause).message}`);
  }
  return parts.join('');
}

/** Checks whether the message already contains the cause. */
function isCauseShown(cause: unknown, message: string): boolean {
  return cause instanceof Error && cause.message !== '' && message.includes(cause.message);
}

const unremarkable = new Set(['Error', 'Assertion', 'MqError']);

/**
 * Returns the stack frames of the test and the functions it calls. Frames of Node, of packages, and from the runner
 * outwards are removed. A syntax error has its position in a separate line before the frames.
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

const own = /[\\/]src[\\/]harness[\\/](child|test-file[\\/](groups|group-run|guard|virtual-modules))\.ts:/;
/** Frames of Node, of packages, of the harness functions that tests call, and, in the executable, of mq. */
const foreign =
  /node:|[\\/]node_modules[\\/]|<anonymous>\)?$|\bmq:[\w.-]+\.js:|[\\/]src[\\/]harness[\\/](fixtures|fixtures[\\/](inbox|role)|eventually)\.ts:/;
