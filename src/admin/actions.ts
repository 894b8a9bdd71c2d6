// The table of actions.

import type { Action } from './action.ts';
import { queueActions } from './actions/queues.ts';

export const actions: readonly Action[] = [...queueActions];
