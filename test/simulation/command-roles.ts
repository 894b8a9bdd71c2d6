// Commands that a user runs once while the roles work: mq dlq replay, mq peek and mq tap.

import type { PlannedCommand } from './plan.ts';
import { Role } from './roles.ts';
import type { Simulation } from './simulation.ts';

const words = {
  'dlq list': ['dlq', 'list', 'work', '--json'],
  'dlq replay': ['dlq', 'replay', 'work'],
  peek: ['peek', 'work', '--json', '--count', '5'],
  tap: ['tap', 'work', '--json', '--idle', '5s'],
  'delayed list': ['delayed', 'list', '--json'],
} as const satisfies Record<string, readonly string[]>;

export type CommandName = keyof typeof words;

// Object.keys returns strings, and this table has no other keys.
export const commandNames = Object.keys(words) as CommandName[];

export class CommandRole extends Role {
  /** True for a command that publishes messages, which the consumers must handle before a run is done. */
  override readonly isSender: boolean;
  readonly #plan: PlannedCommand;
  protected override readonly declaresNothing = true;

  constructor(simulation: Simulation, plan: PlannedCommand) {
    super(simulation, `command ${plan.host}`, plan.host);
    this.#plan = plan;
    this.isSender = plan.command === 'dlq replay';
    this.isFinished = !this.isSender;
  }

  start(): void {
    const { at, command } = this.#plan;
    const line: readonly string[] = words[command];
    const onLine = (text: string) => {
      if (line.includes('--json')) JSON.parse(text);
    };
    this.simulation.world.later(at, () => {
      this.run(line, { onLine }).onEnd(() => {
        this.isFinished = true;
      });
    });
  }
}
