// Runs the receivers of a trial with `mq subscribe`. Their handlers write each effect to a file, which this class reads.

import { closeSync, openSync, readSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { until } from '../support/until.ts';
import type { History } from './history.ts';
import { isEndBySigterm, type RoleProcess, startRole } from './process.ts';

export interface ReceiversSettings {
  readonly executable: string;
  readonly cwd: string;
  readonly env: Readonly<Record<string, string>>;
  readonly history: History;
  readonly count: number;
  readonly prefetch: number;
  /** `module` for --handler, `exec` for a command that --exec runs for each message. */
  readonly handler: 'module' | 'exec';
  /** Duration of the handler in milliseconds. */
  readonly handlerMs: number;
}

const module = `
import { appendFileSync } from 'node:fs';
const { slot, ms } = JSON.parse(process.env['MQ_FAULTS_SLOT'] ?? '');
export default async ({ text, fields, attempt }) => {
  if (ms > 0) await new Promise((resolve) => setTimeout(resolve, ms));
  appendFileSync('effects-' + slot, [text, fields.redelivered ? 1 : 0, attempt, Date.now()].join('\\t') + '\\n');
};`;

const script = `#!/bin/sh
sleep "$2"
[ "$MQ_REDELIVERED" = true ] && again=1 || again=0
printf '%s\\t%s\\t%s\\t%s\\n' "$(cat)" "$again" "$MQ_ATTEMPT" "$(date +%s%3N)" >> "effects-$1"
`;

const readEveryMs = 50;

interface Slot {
  process: RoleProcess;
  readonly file: number;
  rest: string;
  at: number;
}

export class Receivers {
  readonly #settings: ReceiversSettings;
  readonly #slots: Slot[] = [];
  #clock: NodeJS.Timeout | undefined;
  /** The number of times that a receiver reported that it consumes again. */
  interruptions = 0;

  constructor(settings: ReceiversSettings) {
    this.#settings = settings;
  }

  get count(): number {
    return this.#settings.count;
  }

  /** Starts the receivers. Resolves when each of them has a consumer. */
  async start(): Promise<void> {
    const { cwd, count } = this.#settings;
    writeFileSync(join(cwd, 'record.ts'), module);
    writeFileSync(join(cwd, 'record.sh'), script, { mode: 0o755 });
    const slots = Array.from({ length: count }, (_, slot) => {
      writeFileSync(join(cwd, `effects-${slot}`), '');
      return this.#run(slot).then((process) => ({
        process,
        file: openSync(join(cwd, `effects-${slot}`), 'r'),
        rest: '',
        at: 0,
      }));
    });
    this.#slots.push(...(await Promise.all(slots)));
    this.#clock = setInterval(() => this.read(), readEveryMs);
  }

  /** Ends a receiver with the signal and starts another one. Resolves when the new receiver has a consumer. */
  async replace(slot: number, signal: 'SIGKILL' | 'SIGTERM'): Promise<void> {
    const former = this.#at(slot).process;
    this.#at(slot).process = { ...former, pid: -1 };
    former.child.kill(signal);
    const { status, signal: by } = await former.ended;
    if (signal === 'SIGTERM' && status !== 0 && status !== 143)
      this.#settings.history.errors.push(`receiver: SIGTERM ended it with ${status ?? by}: ${former.lastLines()}`);
    this.#at(slot).process = await this.#run(slot);
  }

  /** Starts an additional receiver and sends it SIGTERM after `afterMs`. Its effects are recorded for this slot. */
  async startAndEnd(slot: number, afterMs: number): Promise<void> {
    const { executable, cwd, env, history, handlerMs } = this.#settings;
    const started = startRole({
      executable,
      args: ['subscribe', 'faults', '--handler', 'record.ts'],
      cwd,
      env: { ...env, MQ_FAULTS_SLOT: JSON.stringify({ slot, ms: handlerMs }) },
    });
    await delay(afterMs);
    started.child.kill('SIGTERM');
    const end = await started.ended;
    if (!isEndBySigterm(end, started))
      history.errors.push(
        `receiver: SIGTERM ${afterMs} ms after its start ended it with ${end.status ?? end.signal}: ${started.lastLines()}`,
      );
  }

  /** Sends SIGSTOP or SIGCONT to all receivers. */
  signal(signal: 'SIGSTOP' | 'SIGCONT'): void {
    for (const { process } of this.#slots) process.child.kill(signal);
  }

  /** Reads the lines that the handlers have written since the last call, and adds them to the history. */
  read(): void {
    const chunk = Buffer.alloc(1 << 16);
    for (const [index, slot] of this.#slots.entries()) {
      for (;;) {
        const bytes = readSync(slot.file, chunk, 0, chunk.length, slot.at);
        if (bytes === 0) break;
        slot.at += bytes;
        const lines = (slot.rest + chunk.toString('latin1', 0, bytes)).split('\n');
        slot.rest = lines.pop() ?? '';
        for (const line of lines) this.#settings.history.effects.push(effectOf(line, index));
      }
    }
  }

  /** Sends SIGTERM to all receivers and waits until they have ended. */
  async finish(): Promise<void> {
    const { errors } = this.#settings.history;
    for (const { process } of this.#slots) process.child.kill('SIGTERM');
    for (const { process } of this.#slots) {
      const { status, signal } = await process.ended;
      if (status !== 0 && status !== 143)
        errors.push(`receiver: ended with ${status ?? signal}: ${process.lastLines()}`);
    }
    this.close();
  }

  /** Kills all receivers. */
  close(): void {
    clearInterval(this.#clock);
    if (this.#slots.length > 0) this.read();
    for (const { process, file } of this.#slots.splice(0)) {
      process.child.kill('SIGKILL');
      closeSync(file);
    }
  }

  async #run(slot: number): Promise<RoleProcess> {
    const { executable, cwd, env, prefetch, handler, handlerMs, history } = this.#settings;
    const record =
      handler === 'module'
        ? ['--handler', 'record.ts']
        : ['--exec', './record.sh', String(slot), String(handlerMs / 1000)];
    let receives = false;
    const started = startRole({
      executable,
      args: ['subscribe', 'faults', '--prefetch', String(prefetch), ...record],
      cwd,
      env: { ...env, MQ_FAULTS_SLOT: JSON.stringify({ slot, ms: handlerMs }) },
      onErrorLine: (line) => {
        if (line.includes('waiting for messages from')) receives = true;
        if (line.includes('consuming again')) this.interruptions += 1;
      },
    });
    let ended = false;
    void started.ended.then(({ status, signal }) => {
      ended = true;
      // The end is unexpected if `replace` has not removed the process from its slot and the status is an error.
      if (this.#slots[slot]?.process === started && status !== 0 && status !== 143 && signal !== 'SIGKILL')
        history.errors.push(`receiver: ended with ${status ?? signal}: ${started.lastLines()}`);
    });
    await until(
      'the receiver has a consumer',
      () => {
        if (ended) throw new Error(`receiver: ended while it started: ${started.lastLines()}`);
        return receives;
      },
      60_000,
    );
    return started;
  }

  #at(slot: number): Slot {
    const found = this.#slots[slot];
    if (found === undefined) throw new Error(`no receiver ${slot}`);
    return found;
  }
}

function effectOf(line: string, slot: number) {
  const [body = '', redelivered, attempt, at] = line.split('\t');
  return { body, slot, redelivered: redelivered === '1', attempt: Number(attempt), at: Number(at) };
}
