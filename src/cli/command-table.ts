// Lists all commands: the fixed ones, the roles of rascal.json, and the generic ones.

import builtin from '../../rascal.json' with { type: 'json' };
import { type CheckedConfig, type Config, configFor } from '../config/config.ts';
import type { FoundFile } from '../config/find.ts';
import { type RoleConfig, usesOf } from '../config/role.ts';
import type { Context } from '../context.ts';
import { unknownCommand } from './arguments/program.ts';
import type { Command } from './command.ts';
import { adminCommand } from './commands/admin.ts';
import { benchCommand } from './commands/bench.ts';
import { brokerCommand } from './commands/broker.ts';
import { checkCommand } from './commands/check.ts';
import { clusterCommand } from './commands/cluster.ts';
import { completionsCommand } from './commands/completions.ts';
import { connectionCommand } from './commands/connection.ts';
import { declareCommand } from './commands/declare.ts';
import { demoCommand } from './commands/demo.ts';
import { healthCommand } from './commands/health.ts';
import { helpCommand } from './commands/help.ts';
import { initCommand } from './commands/init.ts';
import { mcpCommand } from './commands/mcp.ts';
import { roleCommand } from './commands/role.ts';
import { testCommand } from './commands/test.ts';
import { trustCommand } from './commands/trust.ts';
import { typesCommand } from './commands/types.ts';
import { versionCommand } from './commands/version.ts';
import { waitCommand } from './commands/wait.ts';
import { webCommand } from './commands/web.ts';
import type { CompletedCommand } from './completion/candidates.ts';
import { configurationForHelp, loadConfiguration } from './configuration.ts';
import type { Doubts } from './input/management.ts';
import { assertTrusted } from './input/trust.ts';
import { delayedCommand } from './messages/delayed.ts';
import { dlqCommand } from './messages/dlq.ts';
import { completedGenerics, genericCommand, genericNames } from './messages/generic.ts';
import { peekCommand } from './messages/peek.ts';
import { recordCommand } from './messages/record.ts';
import { replayCommand } from './messages/replay.ts';
import { tapCommand } from './messages/tap.ts';
import { applyCommand } from './topology/apply.ts';
import { graphCommand } from './topology/graph.ts';
import { planCommand } from './topology/plan.ts';
import { routeCommand } from './topology/route.ts';
import { topCommand } from './topology/top.ts';

export class CommandTable {
  /** Commands that do not depend on rascal.json, in the order of the help. */
  readonly fixed: readonly Command[];

  /** @param run runs a command line, for `mq demo` */
  constructor(run: (context: Context) => Promise<number>) {
    const configsOf = (context: Context) => loadConfiguration(context, { commandNames: this.commandNames() });
    const configOf = (context: Context, doubts?: Doubts) => this.#config(context, doubts);
    this.fixed = [
      demoCommand(run),
      brokerCommand,
      clusterCommand(configOf),
      waitCommand(configOf),
      adminCommand(configOf),
      topCommand(configOf),
      tapCommand(configOf),
      peekCommand(configsOf),
      dlqCommand(configsOf),
      delayedCommand(configsOf),
      recordCommand(configsOf),
      replayCommand(configOf),
      healthCommand,
      webCommand(configOf),
      mcpCommand(configsOf),
      testCommand,
      benchCommand(configsOf),
      typesCommand(builtin),
      initCommand,
      checkCommand(builtin, { commandNames: () => this.commandNames(), configOf }),
      declareCommand(configOf),
      planCommand(configOf),
      applyCommand(configOf),
      graphCommand(configOf),
      routeCommand(configOf),
      connectionCommand,
      trustCommand(builtin),
      completionsCommand,
      helpCommand,
      versionCommand,
    ];
  }

  /** Returns the names of mq's own commands. A role with such a name could not be run. */
  commandNames(): string[] {
    return [...this.fixed.map(({ name }) => name), ...genericNames];
  }

  /** Returns all commands. An invalid rascal.json adds no roles. */
  async all(context: Context): Promise<Command[]> {
    const configs = await configurationForHelp(context, this.commandNames());
    const roles = Object.entries(configs.withBuiltin.roles).map(([name, role]) => commandOfRole(name, role, configs));
    return [...roles, ...genericNames.map((name) => genericCommand(name, configs)), ...this.fixed];
  }

  /**
   * Returns the command with the name. Help does not require trust.
   * @throws MqError USAGE for an unknown name, UNTRUSTED if the file is not trusted, and the errors of
   * loadConfiguration
   */
  async find(name: string, context: Context, { isHelp = false } = {}): Promise<Command> {
    const fixed = this.fixed.find((command) => command.name === name);
    if (fixed) return fixed;
    let file: FoundFile | undefined;
    const assertAccepted = async (found: FoundFile) => {
      file = found;
    };
    const configs = await loadConfiguration(context, { commandNames: this.commandNames(), assertAccepted });
    const { roles } = configs.withBuiltin;
    const role = Object.hasOwn(roles, name) ? roles[name] : undefined;
    const generic = genericNames.find((one) => one === name);
    const command = role ? commandOfRole(name, role, configs) : generic && genericCommand(generic, configs);
    // An unknown command is reported before the file is refused.
    if (command === undefined) {
      const names = (await this.all(context)).map((one) => one.name);
      throw unknownCommand(name, names);
    }
    if (file && !isHelp) await assertTrusted(context, file, { builtin });
    return command;
  }

  /** Returns the commands for completions, which need no configuration. */
  completed(): CompletedCommand[] {
    return [...completedGenerics(), ...this.fixed];
  }

  async #config(context: Context, doubts: Doubts = async () => []): Promise<Config> {
    const assertAccepted = async (found: FoundFile, config: Config) => {
      const more = await doubts(config);
      return assertTrusted(context, found, { builtin, more });
    };
    return (await loadConfiguration(context, { commandNames: this.commandNames(), assertAccepted })).config;
  }
}

function commandOfRole(name: string, role: RoleConfig, configs: CheckedConfig): Command {
  const group = Object.hasOwn(builtin.mq.roles, name) ? 'Roles' : 'Roles of your rascal.json';
  return roleCommand(name, role, { config: configFor(configs, usesOf(role)), group });
}
