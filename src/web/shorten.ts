// Truncates bodies before they reach the page. The page shows only the beginning, and a message of 16 MB must not block
// it.

/** Number of bytes of a longer body that the page receives. */
export const shownBytes = 64 * 1024;

/** Header with the length of a body before it was truncated. */
export const lengthHeader = 'mq-body-bytes';

export function shortened(body: Buffer): { body: Buffer; headers: Readonly<Record<string, string>> } {
  if (body.length <= shownBytes) return { body, headers: {} };
  return { body: body.subarray(0, shownBytes), headers: { [lengthHeader]: String(body.length) } };
}
