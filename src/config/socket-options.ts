// Selects the socket options that a file may set. Another person may have written the file, so it never weakens TLS.

import { type Plain, pick, without } from './plain.ts';

/**
 * Options of the file that also apply to addresses from elsewhere. TLS options and another target (`path`) are
 * excluded.
 */
const shared = ['timeout', 'noDelay', 'keepAlive', 'keepAliveDelay', 'clientProperties'];
/** Options of Node's TLS that reduce verification or allow older TLS versions than the default. */
const weaker = ['rejectUnauthorized', 'checkServerIdentity', 'secureProtocol', 'secureOptions'];

/**
 * Returns the options of the file's connections that also apply to addresses from the command line or the environment.
 */
export function sharedSocketOptions(options: Plain): Plain {
  return pick(options, shared);
}

/** Returns the options without those that weaken TLS. */
export function withoutWeakTls(options: Plain): Plain {
  const { minVersion, ciphers } = options;
  return without(options, [
    ...weaker,
    ...(minVersion === 'TLSv1.2' || minVersion === 'TLSv1.3' ? [] : ['minVersion']),
    ...(/NULL|SECLEVEL/i.test(String(ciphers)) ? ['ciphers'] : []),
  ]);
}
