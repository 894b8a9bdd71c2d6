// Reads the certificates and keys that an address names by file (`cacertfile`, `certfile`, `keyfile`, --ca) before a
// connection is opened.

import { objectOf, type Plain, without } from '../../config/plain.ts';
import type { RascalSettings } from '../../config/rascal-settings.ts';
import { assertCertificate, readFile } from '../../config/read-file.ts';
import { MqError, systemReason } from '../../errors.ts';

/** Returns the settings with the files' content as `ca`, `cert` and `key`. Throws the errors of `withTlsContent`. */
export async function withTlsFiles(settings: RascalSettings): Promise<RascalSettings> {
  const vhosts = Object.entries(settings.vhosts).map(async ([name, vhost]) => {
    const connections = await Promise.all(vhost.connections.map((one) => withTlsContent(objectOf(one))));
    return [name, { ...vhost, connections }] as const;
  });
  return { ...settings, vhosts: Object.fromEntries(await Promise.all(vhosts)) };
}

/**
 * Returns one connection with the content of its files. Throws NO_INPUT if a file cannot be read, and BAD_DATA if the
 * file of `ca` contains no certificate.
 */
export async function withTlsContent(connection: Plain): Promise<Plain> {
  const { socketOptions, ...rest } = connection;
  const { tlsFiles } = objectOf(socketOptions);
  if (tlsFiles === undefined) return connection;
  const files = Object.entries(objectOf(tlsFiles));
  const contents = await Promise.all(files.map(async ([option, file]) => [option, await read(String(file))] as const));
  for (const [index, [option, content]] of contents.entries())
    if (option === 'ca') assertCertificate(content, String(files[index]?.[1]));
  return {
    ...rest,
    socketOptions: { ...Object.fromEntries(contents), ...without(objectOf(socketOptions), ['tlsFiles']) },
  };
}

async function read(file: string): Promise<Buffer> {
  try {
    return await readFile(file);
  } catch (error) {
    throw new MqError('NO_INPUT', `cannot read ${file}: ${systemReason(error)}`, { at: file, cause: error });
  }
}
