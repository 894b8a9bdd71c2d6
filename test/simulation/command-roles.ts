// Commands that a user runs once while the roles work: mq dlq replay, mq peek, mq tap, mq record.

import type { PlannedCommand } from './plan.ts';
import { bodiesIn, checkRecording } from './recordings/recording-file.ts';
import { Role } from './roles.ts';
import type { Simulation } from './simulation.ts';
import { simulatedFolder } from './world/file-system.ts';
import { filesOf } from './world/files.ts';
import type { SimulatedProcess } from './world/process.ts';

const words = {
  'dlq list': ['dlq', 'list', 'work', '--json'],
  'dlq replay': ['dlq', 'replay', 'work'],
  peek: ['peek', 'work', '--json', '--count', '5'],
  tap: ['tap', 'work', '--json', '--idle', '5s'],
  'delayed list': ['delayed', 'list', '--json'],
} as const satisfies Record<string, readonly string[]>;

const recordWords = {
  'record queue': ['--from', 'work', '--count', '5'],
  'record live': ['work', '--max-time', '5s'],
} as const satisfies Record<string, readonly string[]>;

type RecordName = keyof typeof recordWords;
export type CommandName = keyof typeof words | RecordName;

// Object.keys returns strings, and these tables have no other keys.
export const commandNames = Object.keys(words) as (keyof typeof words)[];
export const recordNames = Object.keys(recordWords) as RecordName[];

export class CommandRole extends Role {
  /** True for a command that publishes messages, which the consumers must handle before a run is done. */
  override readonly isSender: boolean;
  readonly #plan: PlannedCommand;
  readonly #file: string;
  protected override readonly declaresNothing = true;

  constructor(simulation: Simulation, plan: PlannedCommand) {
    super(simulation, `command ${plan.host}`, plan.host);
    this.#plan = plan;
    this.#file = `${simulatedFolder}/${plan.host}.ndjson`;
    this.isSender = plan.command === 'dlq replay';
    this.isFinished = !this.isSender;
  }

  start(): void {
    const { at, command } = this.#plan;
    const line = this.#wordsOf(command);
    const onLine = (text: string) => {
      if (line.includes('--json')) JSON.parse(text);
    };
    this.simulation.world.later(at, () => {
      const started = this.run(line, { onLine });
      started.onEnd(() => {
        this.isFinished = true;
        if (line[0] === 'record') this.#checkFile(started);
      });
    });
  }

  #wordsOf(command: CommandName): readonly string[] {
    return command === 'record queue' || command === 'record live'
      ? ['record', this.#file, ...recordWords[command]]
      : words[command];
  }

  /** Checks that the file is complete, and has only messages that were published. */
  #checkFile(ended: SimulatedProcess): void {
    const { history, stream, world } = this.simulation;
    const bytes = filesOf(world).read(this.#file);
    for (const violation of checkRecording(ended, bytes)) history.errors.push(`${this.name} ${violation}`);
    for (const body of bodiesIn(bytes))
      if (!history.attempted.has(body) && stream?.history.attempted.has(body) !== true)
        history.errors.push(`${this.name} recorded a message that was not published: ${body}`);
  }
}
