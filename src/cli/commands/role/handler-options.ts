// Reads the options of a receiving role that choose its handler and its concurrency.

import type { Config } from '../../../config/config.ts';
import type { HandlerConfig, ReceivingRole } from '../../../config/role.ts';
import { recycleForms, recycleLimit } from '../../../config/size.ts';
import type { HandlerOptions } from '../../../handlers/make.ts';
import { receivingOptions } from '../../arguments/options.ts';
import type { Values } from '../../arguments/values.ts';

export interface HandlerChoice {
  readonly config: HandlerConfig | { readonly file: string };
  /** `true` if no option names the handler. A handler of rascal.json runs in the folder of that file. */
  readonly fromFile: boolean;
  /** Option that the command line passes to the program, although it has the name of an option of mq. */
  readonly swallowed?: string | undefined;
}

export function handlerChoice(values: Values, role: ReceivingRole): HandlerChoice {
  const exec = values.list('exec');
  const execLines = values.list('exec-lines');
  const module = values.name('handler');
  const file = values.name('file');
  const chosen = [
    exec.length > 0 && '--exec',
    execLines.length > 0 && '--exec-lines',
    module !== undefined && '--handler',
    file !== undefined && '--file',
  ].filter(Boolean);
  if (chosen.length > 1) throw values.usage(`${chosen.join(' and ')} exclude each other`);
  if (exec.length > 0) {
    const { command, swallowed } = commandOf(exec);
    return { config: { exec: command }, fromFile: false, swallowed };
  }
  if (execLines.length > 0) {
    const { command, swallowed } = commandOf(execLines);
    return { config: { execLines: command }, fromFile: false, swallowed };
  }
  if (module !== undefined) return { config: { module }, fromFile: false };
  if (file !== undefined) return { config: { file }, fromFile: false };
  return { config: role.handler ?? { builtin: role.behaviour === 'reply' ? 'echo' : 'print' }, fromFile: true };
}

/** Returns the command, and its first option that mq has as well. If `--` precedes the command, reports no option. */
function commandOf(words: readonly string[]): { command: readonly string[]; swallowed: string | undefined } {
  if (words[0] === '--') return { command: words.slice(1), swallowed: undefined };
  const swallowed = words.slice(1).find((word) => receivingOptions.includes(/^--([^=]+)/.exec(word)?.[1] ?? ''));
  return { command: words, swallowed };
}

/** Reads the settings of a handler's program from the command line and rascal.json. */
export function handlerPlace(values: Values, { config }: HandlerChoice): Omit<HandlerOptions, 'behaviour' | 'calls'> {
  const pass = values.list('pass-env').flatMap((names) => names.split(',').filter((name) => name !== ''));
  const own: { passEnv?: readonly string[]; recycleAfter?: string | number } =
    'passEnv' in config || 'recycleAfter' in config ? config : {};
  const limit = values.text('recycle-after') ?? own.recycleAfter;
  const recycleAfter = limit === undefined ? undefined : recycleLimit(String(limit));
  if (limit !== undefined && recycleAfter === undefined)
    throw values.usage(`--recycle-after must be ${recycleForms}, not '${limit}'`);
  if (recycleAfter && !('execLines' in config)) throw values.usage('--recycle-after requires --exec-lines');
  return {
    environment: { isClean: values.flag('clean-env') ?? false, pass: [...pass, ...(own.passEnv ?? [])] },
    ...(recycleAfter && { recycleAfter }),
  };
}

/** Rascal's default prefetch (baseline.js). */
const usualPrefetch = 10;
const noLimit = Number.POSITIVE_INFINITY;

export interface Parallelism {
  /** Maximum number of unacknowledged messages. 0 means no limit (AMQP 0-9-1 reference, basic.qos). */
  readonly prefetch: number;
  /** Maximum number of messages that are handled at once. */
  readonly concurrency: number;
  /** Maximum number of concurrent handler calls. Without batches, each call has one message. */
  readonly calls: number;
  readonly batch?: { readonly size: number; readonly waitMs: number };
}

export function parallelism(
  values: Values,
  { role, config, choice }: { role: ReceivingRole; config: Config; choice: HandlerChoice },
): Parallelism {
  const wished = values.whole('concurrency', { min: 1, max: 65_535 });
  const given = values.whole('prefetch', { min: 1, max: 65_535 });
  const bounds = role.subscriptions
    .map((name) => config.subscriptions[name]?.prefetch ?? usualPrefetch)
    .filter((bound) => bound > 0);
  const usual = role.prefetch ?? (bounds.length > 0 ? Math.min(...bounds) : 0);
  const own: { batch?: number; batchWait?: number } = 'batch' in choice.config ? choice.config : {};
  const size = values.whole('batch', { min: 1, max: 65_535 }) ?? own.batch;
  const waitMs = values.duration('batch-wait') ?? own.batchWait ?? 1000;
  if (size === undefined) {
    if (values.text('batch-wait') !== undefined) throw values.usage('--batch-wait requires --batch');
    const prefetch = given ?? wished ?? usual;
    const concurrency = Math.min(wished ?? role.concurrency ?? (prefetch || usualPrefetch), prefetch || noLimit);
    return { prefetch, concurrency, calls: concurrency };
  }
  const calls = wished ?? role.concurrency ?? 1;
  const concurrency = Math.min(calls * size, 65_535);
  if (given !== undefined && given < concurrency)
    throw values.usage(`--prefetch ${given} is less than the ${concurrency} messages of ${calls} × --batch ${size}`);
  return { prefetch: given ?? Math.max(usual, concurrency), concurrency, calls, batch: { size, waitMs } };
}
