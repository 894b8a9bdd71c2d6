// Describes a named connection without reading its secrets.

import { parseAddress } from '../../../config/address.ts';
import { originOf, type StoredConnection } from '../../input/connections.ts';

/** Returns the fields of a connection. A secret is shown as its origin. */
export function shownConnection(one: StoredConnection): Readonly<Record<string, string | readonly string[]>> {
  const { urls, password, managementUrls, managementPassword, tls, token, oauth } = one;
  return {
    urls,
    ...(password && { password: originOf(password) }),
    ...(managementUrls && { managementUrls }),
    ...(managementPassword && { managementPassword: originOf(managementPassword) }),
    ...tls,
    ...(token && { token: originOf(token) }),
    ...(oauth && { oauth: `${oauth.url} as ${oauth.clientId}, secret: ${originOf(oauth.clientSecret)}` }),
  };
}

/** Returns the first address and the kind of login, for a table. */
export function summaryOf({ urls, password, token, oauth }: StoredConnection): { url: string; login: string } {
  const [url = ''] = urls;
  const more = urls.length > 1 ? ` (+${urls.length - 1})` : '';
  const address = parseAddress(url);
  const isExternal = typeof address !== 'string' && address.mechanism === 'external';
  const login = isExternal ? 'certificate' : oauth ? 'OAuth 2' : token ? 'token' : password ? 'password' : 'guest';
  return { url: `${url}${more}`, login };
}
