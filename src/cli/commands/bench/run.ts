// Runs mq bench in one or several processes, and prints what they measured.

import { promises } from 'node:fs';
import { resolve } from 'node:path';
import manifest from '../../../../package.json' with { type: 'json' };
import { type Baseline, baselineIn, type Comparison, compared, differencesOf } from '../../../bench/baseline.ts';
import { chartOf, type Sample, type Titles } from '../../../bench/chart.ts';
import { type Part, type Second, sumOf } from '../../../bench/figures.ts';
import type { BenchVerb } from '../../../bench/load.ts';
import { errorOf, runProcesses, sharedLoad, shareOf } from '../../../bench/processes.ts';
import { failureText, liveText, rateText, resultLines } from '../../../bench/report.ts';
import { mainLatency, type Result, resultOf, Seconds, summaryOf } from '../../../bench/result.ts';
import { type RunParts, runLoad } from '../../../bench/run.ts';
import { brokenThresholds, type Verdict, verdictsOf } from '../../../bench/verdict.ts';
import type { CheckedConfig } from '../../../config/config.ts';
import type { Context } from '../../../context.ts';
import { escaped, MqError, systemReason } from '../../../errors.ts';
import { messageIds, outgoing, outgoingSeries } from '../../../roles/outgoing.ts';
import { interrupted } from '../../../signal.ts';
import { Printer } from '../../../terminal/printer.ts';
import { LiveLine } from '../../../terminal/progress.ts';
import type { Values } from '../../arguments/values.ts';
import { noteOf } from '../../error-text.ts';
import { addressesOf } from '../../input/addresses.ts';
import { refuseInput } from '../../input/output-file.ts';
import { openSession } from '../../messages/session.ts';
import { refuseReturns } from './returns.ts';
import { type BenchSettings, settingsOf } from './settings.ts';
import { type Targets, targetsOf } from './targets.ts';

interface Job {
  readonly verb: BenchVerb;
  readonly configs: CheckedConfig;
}

export async function runBench(context: Context, values: Values, { verb, configs }: Job): Promise<void> {
  const settings = settingsOf(verb, values, configs.config);
  const share = shareOf(context.env);
  if (share !== undefined) {
    const shared = { ...settings, load: sharedLoad(settings.load, share) };
    return runShare(context, values, { settings: shared, targets: targetsOf(values, shared, configs) });
  }
  const targets = targetsOf(values, settings, configs);
  const baseline = await baselineOf(context, values, settings);
  if (settings.svg !== undefined) {
    await refuseInput(context, values, { file: settings.svg, from: '--svg' });
    await refuseUnwritable(resolve(context.cwd, settings.svg));
  }
  if (settings.name !== undefined && settings.verb !== 'consume')
    noteOf(context, 'bench')(`messages are sent to your topology, by the publication '${settings.name}'`);
  const watch = new Watch(context, settings);
  let parts: readonly Part[];
  try {
    parts =
      settings.processes === 1
        ? [await runOne(context, values, { ...watch.listeners, settings, targets })]
        : await runProcesses({ ...watch.listeners, ...settings, context });
  } finally {
    watch.end();
  }
  await report(context, { settings, targets, baseline, parts, samples: watch.samples });
}

interface OneRun extends Pick<RunParts, 'stop' | 'onSecond'> {
  /** Writes a line for people. */
  readonly onNote: (line: string) => void;
  readonly settings: BenchSettings;
  readonly targets: Targets;
}

/** Runs the load in this process. */
async function runOne(context: Context, values: Values, { targets, ...parts }: OneRun): Promise<Part> {
  const { config, load } = targets;
  const addresses = await addressesOf(context, values);
  const note = (text: string) => parts.onNote(`mq bench: ${escaped(text)}`);
  const session = await openSession(context, { role: 'bench', config, addresses, values, note });
  const common = { routingKey: load.routingKey, properties: {}, persistent: load.persistent, mandatory: true };
  const nextId = messageIds();
  try {
    return await runLoad({
      ...{ session, load, stop: parts.stop, abandon: context.abandon, onSecond: parts.onSecond },
      messages: {
        published: (destination) => outgoingSeries({ destination, ...common }),
        requested: (destination) => outgoing({ destination, nextId, ...common }),
      },
      cpuMs: () => context.runtime?.cpuMs() ?? 0,
      refuseReturns: (queue) => refuseReturns(context, values, { session, config, addresses }, queue),
    });
  } catch (error) {
    throw context.drain.aborted ? interrupted(context, 'the measurement had not begun') : error;
  } finally {
    // A second signal has destroyed the connections.
    if (!context.abandon.aborted) await session.close();
  }
}

/** Runs the share of one process of several, and prints it as JSON lines. */
async function runShare(context: Context, values: Values, run: Pick<OneRun, 'settings' | 'targets'>): Promise<void> {
  const printer = new Printer(context.stdout);
  const parentEnd = new AbortController();
  context
    .stdin()
    .once('end', () => parentEnd.abort())
    .resume();
  const stop = AbortSignal.any([context.drain, parentEnd.signal]);
  const onSecond = (second: Second) => void printer.json({ type: 'second', ...second }).catch(() => parentEnd.abort());
  const onNote = (line: string) => void context.stderr.write(`${line}\n`);
  const part = await runOne(context, values, { ...run, stop, onSecond, onNote });
  await printer.json({ type: 'part', ...part });
}

/** Shows the seconds of a run, and ends it at a signal or when a threshold can no longer hold. */
class Watch {
  readonly samples: Sample[] = [];
  readonly listeners: Pick<OneRun, 'stop' | 'onSecond' | 'onNote'>;
  readonly #settings: BenchSettings;
  readonly #seconds: Seconds;
  readonly #live: LiveLine;
  readonly #printer: Printer | undefined;
  readonly #broken = new AbortController();
  #sofar = sumOf([]);

  constructor({ stdout, stderr, drain }: Context, settings: BenchSettings) {
    this.#settings = settings;
    this.#seconds = new Seconds(settings.processes);
    this.#live = new LiveLine(stderr);
    this.#live.show(settings.verb === 'consume' && settings.name === undefined ? 'filling the queues' : 'starting');
    this.#printer = settings.json ? new Printer(stdout) : undefined;
    this.listeners = {
      stop: AbortSignal.any([drain, this.#broken.signal]),
      onSecond: (reported) => {
        const second = this.#seconds.add(reported);
        if (second) this.#onSecond(second);
      },
      onNote: (line) => {
        this.#live.end();
        stderr.write(`${line}\n`);
      },
    };
  }

  #onSecond(second: Second): void {
    const { verb, aborts } = this.#settings;
    const { latency: _, confirmLatency: __, ...counted } = second;
    const sample = { at: second.at, latencyMs: summaryOf(mainLatency(verb, second)) };
    this.samples.push(sample);
    this.#live.show(liveText({ verb }, second));
    // A reader that has closed the pipe is noticed with the result.
    this.#printer?.json({ type: 'second', ...counted, latencyMs: sample.latencyMs }).catch(() => undefined);
    if (aborts) this.#judge(second);
  }

  /** Adds the seconds that not all processes have reported, because some ended earlier. */
  end(): void {
    for (const second of this.#seconds.rest()) this.#onSecond(second);
    this.#live.end();
  }

  #judge(second: Second): void {
    const { verb, thresholds, load } = this.#settings;
    const blockedMs = this.#sofar.blockedMs + second.blockedMs;
    this.#sofar = { ...sumOf([this.#sofar, second]), blockedMs };
    const scheduled = load.intervalMs && load.durationMs && Math.floor(load.durationMs / load.intervalMs);
    const total = Math.min(scheduled ?? Number.POSITIVE_INFINITY, load.count ?? Number.POSITIVE_INFINITY);
    const known = Number.isFinite(total) ? total : undefined;
    if (brokenThresholds(thresholds, { verb, sofar: this.#sofar, total: known }).length > 0) this.#broken.abort();
  }
}

interface Reporting {
  readonly settings: BenchSettings;
  readonly targets: Targets;
  readonly baseline: Baseline | undefined;
  readonly parts: readonly Part[];
  readonly samples: readonly Sample[];
}

/** Prints the result. Throws ANSWER_NO if a threshold failed or the result is worse than the baseline. */
async function report(context: Context, { settings, targets, baseline, parts, samples }: Reporting): Promise<void> {
  const { verb, thresholds, tolerance, svg, json } = settings;
  const { load } = targets;
  const result = resultOf(verb, parts);
  const nothingSent = result.confirmed === 0 && result.received === 0;
  if (nothingSent && result.firstError !== undefined) throw errorOf(result.firstError);
  const { failure } = result;
  const verdicts = verdictsOf(verb, result, thresholds);
  const comparisons = baseline && !failure ? compared(verb, result, { baseline, tolerance }) : [];
  const target = targetText(settings);
  const printer = new Printer(context.stdout);
  if (json) await printer.json(jsonOf(context, { settings, target, result, verdicts, comparisons }));
  else await printer.text(resultLines({ load, target, result, verdicts, comparisons }).join('\n'));
  if (svg !== undefined) await writeChart(resolve(context.cwd, svg), chartOf(chartTitles(settings, targets), samples));
  if (context.drain.aborted) throw interrupted(context, 'the result is that of the time before');
  if (failure !== undefined) throw errorOf(failure);
  const missed = failureText({ verb, rates: result.rates }, verdicts, comparisons);
  if (missed !== undefined) throw new MqError('ANSWER_NO', missed);
}

function targetText({ verb, name, subscription, queues, queueType, processes }: BenchSettings): string {
  if (name !== undefined) return verb === 'pipe' && subscription !== name ? `${name} to ${subscription}` : name;
  const each = processes === 1 ? '' : ` in each of ${processes} processes`;
  return `${queues} ${queueType} queue${queues === 1 ? '' : 's'} of mq bench${each}`;
}

interface Shown {
  readonly settings: BenchSettings;
  readonly target: string;
  readonly result: Result;
  readonly verdicts: readonly Verdict[];
  readonly comparisons: readonly Comparison[];
}

function jsonOf({ runtime }: Context, { settings, target, result, verdicts, comparisons }: Shown): object {
  const { verb, load } = settings;
  const { broker, histogram, ...figures } = result;
  const { verb: _, ...shown } = load;
  return {
    ...{ type: 'result', verb, target, loop: load.intervalMs === undefined ? 'closed' : 'open' },
    ...figures,
    histogram: { unit: 'us', counts: histogram },
    settings: { ...shown, ...queuesOf(settings) },
    versions: { mq: manifest.version, node: runtime?.node, broker },
    thresholds: verdicts,
    ...(comparisons.length > 0 && { baseline: comparisons }),
  };
}

/** Returns the settings of the processes and of own queues. */
function queuesOf({ queues, queueType, processes, name }: BenchSettings) {
  return { processes, ...(name === undefined && { queues, queueType }) };
}

/** Returns the baseline. Throws USAGE if it was measured with other settings. */
async function baselineOf({ cwd }: Context, values: Values, settings: BenchSettings): Promise<Baseline | undefined> {
  const { baseline: file, verb } = settings;
  if (file === undefined) return undefined;
  const text = await promises.readFile(resolve(cwd, file), 'utf8').catch((error: unknown) => {
    throw new MqError('NO_INPUT', `cannot read ${file}: ${systemReason(error)}`, { at: '--baseline', cause: error });
  });
  const baseline = baselineIn(text, file);
  if (baseline.verb !== verb)
    throw new MqError('BAD_DATA', `${file} is a result of mq bench ${baseline.verb}, not of ${verb}`);
  const differences = differencesOf(baseline, { ...settings.load, ...queuesOf(settings) });
  if (differences.length > 0)
    throw values.usage(
      `${file} was measured with other settings: ${differences.join(', ')}`,
      'compare results with the same options, or measure a new baseline',
    );
  return baseline;
}

/** Throws CANNOT_CREATE if the file cannot be written. A device or a pipe is not opened. */
async function refuseUnwritable(path: string): Promise<void> {
  const found = await promises.stat(path).catch(() => undefined);
  if (found && !found.isFile() && !found.isDirectory()) return;
  try {
    await (await promises.open(path, 'a')).close();
    if (!found) await promises.unlink(path);
  } catch (error) {
    throw unwritable(path, error);
  }
}

async function writeChart(path: string, svg: string): Promise<void> {
  await promises.writeFile(path, svg).catch((error: unknown) => {
    throw unwritable(path, error);
  });
}

function unwritable(path: string, error: unknown): MqError {
  return new MqError('CANNOT_CREATE', `cannot write ${path}: ${systemReason(error)}`, { at: '--svg', cause: error });
}

/** Returns the title of the chart, and its second line: how the messages were sent, and the thresholds. */
function chartTitles(settings: BenchSettings, { load }: Targets): Titles {
  const { verb, thresholds } = settings;
  return {
    title: `latency of mq bench ${verb}: ${targetText(settings)}`,
    subtitle: [rateText(load), ...thresholds.map(({ text }) => text)].join(', '),
  };
}
