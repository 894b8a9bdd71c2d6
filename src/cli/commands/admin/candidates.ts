// Completes the words after `mq admin`: verbs, nouns, and queues of rascal.json, according to the table of actions.

import type { Action } from '../../../admin/action.ts';
import type { Candidate, KnownNames } from '../../command.ts';

/** @param words the words after `admin` that the user has finished typing */
export function adminCandidates(
  words: readonly string[],
  names: Pick<KnownNames, 'queues'>,
  actions: readonly Action[],
): readonly Candidate[] {
  const [verb, noun] = words;
  if (verb === undefined) {
    const verbs = [...new Set(actions.map((action) => action.verb))];
    return verbs.map((one) => {
      const ofVerb = actions.filter((action) => action.verb === one);
      const nouns = ofVerb.flatMap((action) => action.noun ?? []);
      return [one, nouns.length > 0 ? nouns.join(', ') : (ofVerb[0]?.summary ?? '')];
    });
  }
  const ofVerb = actions.filter((action) => action.verb === verb);
  if (noun === undefined && ofVerb.some((action) => action.noun !== undefined))
    return ofVerb.flatMap((action): Candidate[] => (action.noun === undefined ? [] : [[action.noun, action.summary]]));
  const action = ofVerb.find((one) => one.noun === noun) ?? ofVerb.find((one) => one.noun === undefined);
  const place = words.length - (action?.noun === undefined ? 1 : 2);
  return action?.args?.[place]?.name === 'queue' || (action?.noun === 'queue' && place === 0)
    ? names.queues.map((name): Candidate => [name])
    : [];
}
