// Builds actions that show one object.

import type { Action, Argument, Call } from './action.ts';
import { columnsOf, without } from './columns.ts';
import { type ApiObject, objectIn, objectsIn } from './json.ts';
import { notFoundError, sendAction } from './request.ts';

interface ShowRow {
  readonly noun: string;
  readonly summary: string;
  readonly args: readonly Argument[];
  /** Path after /api. */
  readonly path: `/${string}`;
  readonly isInVhost?: true;
  /** Fields that are shown only if --columns names them. */
  readonly hidden?: readonly string[];
  /** Returns the item with exact values instead of statistics, which are seconds old. */
  readonly now?: (call: Call, item: ApiObject) => Promise<ApiObject>;
  /** Selects the item in a list, if the API has no path for a single object and `path` is the list. */
  readonly pick?: (item: ApiObject, arg: (name: string) => string) => boolean;
}

/** Returns the action that shows the object of the row. */
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
      const { body } = await sendAction(call);
      const shown = (item: ApiObject) => (typed === undefined ? without(item, hidden) : item);
      if (!Array.isArray(body)) {
        const item = objectIn(body);
        return { kind: 'item', item: shown(now === undefined ? item : await now(call, item)) };
      }
      const items = objectsIn(body).filter((item) => pick?.(item, call.arg) ?? true);
      const [only] = items;
      if (only === undefined) throw await notFoundError(call);
      if (items.length === 1) return { kind: 'item', item: shown(only) };
      return { kind: 'items', columns: typed ?? Object.keys(shown(only)), items: items.map(shown) };
    },
  };
}
