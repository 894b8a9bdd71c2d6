// Bodies are cut before they reach the page: it shows the beginning, and a message of 16 MB must not stop it.

/** Of a longer body the page gets so much. */
export const shownBytes = 64 * 1024;

/** The header that tells how long a body was before it was cut. */
export const lengthHeader = 'mq-body-bytes';

export function shortened(body: Buffer): { body: Buffer; headers: Readonly<Record<string, string>> } {
  if (body.length <= shownBytes) return { body, headers: {} };
  return { body: body.subarray(0, shownBytes), headers: { [lengthHeader]: String(body.length) } };
}
