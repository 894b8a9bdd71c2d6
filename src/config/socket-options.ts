// The options of a connection's socket that a file may set. A file can be somebody else's, so it never makes TLS weaker.

import { type Plain, pick, without } from './plain.ts';

/** Those of the file that hold for an address from elsewhere too: nothing of TLS, and no other place to connect to (`path`). */
const shared = ['timeout', 'noDelay', 'keepAlive', 'keepAliveDelay', 'clientProperties'];
/** Options of Node's TLS by which a connection verifies less, or speaks an older TLS, than by default. */
const weaker = ['rejectUnauthorized', 'checkServerIdentity', 'secureProtocol', 'secureOptions'];

/** Returns the options of the file's connections that an address of the command line or the environment shares. */
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
