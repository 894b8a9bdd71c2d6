// Formats annotations of GitHub Actions.
// https://docs.github.com/actions/reference/workflows-and-actions/workflow-commands

/** Returns the line that annotates a run, or a place of a file if the properties name one. */
export function annotation(
  kind: 'error' | 'warning' | 'notice',
  properties: Readonly<Record<string, string>>,
  text: string,
): string {
  const given = Object.entries(properties).map(([key, value]) => `${key}=${escaped(value, /[%\r\n:,]/g)}`);
  return `::${kind} ${given.join(',')}::${escaped(text, /[%\r\n]/g)}\n`;
}

/** Escapes text as GitHub's own toolkit does: `%25`, `%0A`, and in properties also `:` and `,`. */
function escaped(text: string, special: RegExp): string {
  return text.replaceAll(special, (char) => `%${char.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`);
}
