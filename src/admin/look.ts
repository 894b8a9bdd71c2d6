// Builds actions that show one object.

import type { Action, Argument, Call, Item } from './action.ts';
import { columnsOf } from './columns.ts';
import { absence, asked } from './found.ts';

export interface ShowRow {
  readonly noun: string;
  readonly summary: string;
  readonly args: readonly Argument[];
  /** Path after /api. */
  readonly path: `/${string}`;
  readonly isInVhost?: true;
  /** Fields that are shown only if --columns names them. */
  readonly hidden?: readonly string[];
  /** Replaces statistics that are seconds old with exact values. */
  readonly now?: (call: Call, item: Item) => Promise<Item>;
  /** Selects the item, if the API only offers the list (`path`). */
  readonly pick?: (item: Item, arg: (name: string) => string) => boolean;
}

export function showAction({ noun, summary, args, path, isInVhost, hidden = [], now, pick }: ShowRow): Action {
  return {
    verb: 'show',
    noun,
    summary,
    args,
    ...(isInVhost && { isInVhost }),
    request: `GET ${path}`,
    run: async (call) => {
      const typed = columnsOf(call);
      const { body } = await asked(call);
      const shown = (item: Item) => (typed === undefined ? without(item, hidden) : item);
      if (!Array.isArray(body)) {
        const item = body as Item;
        return { kind: 'item', item: shown(now === undefined ? item : await now(call, item)) };
      }
      const items = (body as Item[]).filter((item) => pick?.(item, call.arg) ?? true);
      const [only] = items;
      if (only === undefined) throw await absence(call);
      if (items.length === 1) return { kind: 'item', item: shown(only) };
      return { kind: 'items', columns: typed ?? Object.keys(shown(only)), items: items.map(shown) };
    },
  };
}

export function without(item: Item, hidden: readonly string[]): Item {
  return Object.fromEntries(Object.entries(item).filter(([name]) => !hidden.includes(name)));
}
