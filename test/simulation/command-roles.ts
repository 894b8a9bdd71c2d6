// Commands that a user runs once while the roles work: mq dlq replay, mq peek and mq tap.

import { exitStatuses } from '../../src/errors.ts';
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
  readonly #plan: PlannedCommand;
  /** False if no role had declared the queue and the exchange when the command began. */
  #isDeclared = true;

  constructor(simulation: Simulation, plan: PlannedCommand) {
    super(simulation, `command ${plan.host}`, plan.host);
    this.#plan = plan;
    this.isFinished = true;
  }

  start(): void {
    const { at, command } = this.#plan;
    const line: readonly string[] = words[command];
    const onLine = (text: string) => {
      if (line.includes('--json')) JSON.parse(text);
    };
    const { world, broker } = this.simulation;
    world.later(at, () => {
      const vhost = broker.current?.vhosts.get('/');
      this.#isDeclared = (vhost?.queues.has('work') && vhost.exchanges.has('work')) ?? false;
      this.run(line, { onLine });
    });
  }

  protected override statuses(): ReadonlySet<number> {
    return this.#isDeclared ? super.statuses() : new Set([...super.statuses(), exitStatuses.TOPOLOGY]);
  }
}
