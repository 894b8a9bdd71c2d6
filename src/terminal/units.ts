// Formats numbers of the API with their units. The name of a field determines whether its value is in bytes, a
// duration, a time or a rate.

const bytes = /(^|[._])(mem_used|mem_limit|disk_free|disk_free_limit|memory|message_bytes\w*|\w+_oct|io_\w+_bytes)$/;
const milliseconds = /(^|\.)(uptime)$/;
const instants = /(^|\.)(connected_at|timestamp)$/;
const rates = /_details\.rate$/;

/** Returns `1.5 GiB`, `2h 5m` or `12.5/s`, or `undefined` for a value without a unit. */
export function withUnit(field: string, value: unknown): string | undefined {
  if (typeof value !== 'number' || !Number.isFinite(value)) return undefined;
  if (rates.test(field)) return `${Math.round(value * 10) / 10}/s`;
  if (milliseconds.test(field)) return durationText(value);
  // The value is in milliseconds since 1970.
  if (instants.test(field) && value > 1e12) return new Date(value).toLocaleString('sv');
  if (bytes.test(field)) return byteText(value);
  return undefined;
}

/** Returns `true` for a number with or without a unit. Tables align it to the right. */
export function isQuantity(text: string): boolean {
  return /^-?[\d.]*( ([KMGT]i)?B|\/s)?$/.test(text) || /^(\d+[dhms] ?){1,2}$/.test(text);
}

function byteText(value: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
  const power = Math.min(units.length - 1, Math.floor(Math.log2(Math.max(1, Math.abs(value))) / 10));
  const scaled = value / 1024 ** power;
  return `${power === 0 ? scaled : scaled.toFixed(1)} ${units[power]}`;
}

/** Returns the two largest parts of a duration. */
function durationText(milliseconds: number): string {
  const seconds = Math.floor(milliseconds / 1000);
  const parts = [
    [Math.floor(seconds / 86_400), 'd'],
    [Math.floor(seconds / 3600) % 24, 'h'],
    [Math.floor(seconds / 60) % 60, 'm'],
    [seconds % 60, 's'],
  ] as const;
  const first = parts.findIndex(([count]) => count > 0);
  const at = first === -1 ? parts.length - 1 : first;
  return parts
    .slice(at, at + 2)
    .map(([count, unit]) => `${count}${unit}`)
    .join(' ');
}
