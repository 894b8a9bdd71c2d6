// Selects the socket options that a file may set. Another person may have written the file, so it cannot weaken TLS.

import { isObject, type Plain, pick, without } from '../plain.ts';
import type { Path } from '../reading/problem.ts';

/**
 * Options of the file that also apply to addresses from the command line or the environment. TLS options are excluded,
 * and so is `path`, because it would change the target of the connection.
 */
const shared = ['timeout', 'noDelay', 'keepAlive', 'keepAliveDelay', 'clientProperties'];
/** Options of Node's TLS that reduce verification or allow older TLS versions than the default. */
const weaker = ['rejectUnauthorized', 'checkServerIdentity', 'secureProtocol', 'secureOptions'];
/** Options in which config/attributes.ts passes the login. A file cannot set them, because a source of tokens may be a command. */
const reserved = ['credentials', 'tlsFiles', 'token'];

/**
 * Returns those options of the file's connections that also apply to addresses from the command line or the
 * environment.
 */
export function sharedSocketOptions(options: Plain): Plain {
  return pick(options, shared);
}

/** Returns the options without those that weaken TLS or replace the login. */
export function allowedSocketOptions(options: Plain): Plain {
  const { minVersion, ciphers } = options;
  return without(options, [
    ...reserved,
    ...weaker,
    ...(minVersion === 'TLSv1.2' || minVersion === 'TLSv1.3' ? [] : ['minVersion']),
    ...(/NULL|SECLEVEL/i.test(String(ciphers)) ? ['ciphers'] : []),
  ]);
}

/** A warning of `mq check`. */
interface Ignored {
  readonly path: Path;
  readonly message: string;
  readonly instead: string;
}

/**
 * Returns a warning for each socket option inside `value` that mq ignores. An option that is `true` needs no warning,
 * because it does not weaken TLS. `at` is the path of `value`.
 */
export function ignoredSocketOptions(value: unknown, at: Path = []): Ignored[] {
  if (Array.isArray(value)) return value.flatMap((item, index) => ignoredSocketOptions(item, [...at, index]));
  if (!isObject(value)) return [];
  return Object.entries(value).flatMap(([key, item]) => {
    if (key !== 'socketOptions' || !isObject(item)) return ignoredSocketOptions(item, [...at, key]);
    const kept = allowedSocketOptions(item);
    const ignored = Object.keys(item).filter((name) => !Object.hasOwn(kept, name) && item[name] !== true);
    return ignored.map((name) => ({ path: [...at, key, name], ...reasonOf(name) }));
  });
}

function reasonOf(name: string): Pick<Ignored, 'message' | 'instead'> {
  if (reserved.includes(name))
    return {
      message: 'is ignored, because it is not an option of a socket',
      instead: 'mq help login shows the logins',
    };
  return {
    message: 'is ignored, because a file cannot weaken the verification of TLS',
    instead: "set ca to the broker's certificate authority, or use --insecure for one command",
  };
}
