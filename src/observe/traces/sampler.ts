// Decides which traces are recorded, by OTEL_TRACES_SAMPLER and OTEL_TRACES_SAMPLER_ARG.

/** Reports whether a span is recorded. `isParentSampled` is `undefined` if the span is the first of its trace. */
export type Sampler = (traceId: string, isParentSampled: boolean | undefined) => boolean;

export const defaultSampler = 'parentbased_always_on';

/** Returns the sampler with this name, or `undefined` if mq does not know it. */
export function samplerOf(name: string, ratio: number): Sampler | undefined {
  const [, prefix, root = ''] = /^(parentbased_)?(.*)$/.exec(name) ?? [];
  const decide = Object.hasOwn(roots, root) ? roots[root]?.(ratio) : undefined;
  if (!decide) return undefined;
  return prefix === undefined ? decide : (traceId, isParentSampled) => isParentSampled ?? decide(traceId);
}

/** Returns the ratio of OTEL_TRACES_SAMPLER_ARG, or `undefined` if it is not a number from 0 to 1. */
export function ratioOf(text: string): number | undefined {
  const ratio = text.trim() === '' ? Number.NaN : Number(text);
  return ratio >= 0 && ratio <= 1 ? ratio : undefined;
}

const roots: Readonly<Record<string, (ratio: number) => (traceId: string) => boolean>> = {
  always_on: () => () => true,
  always_off: () => () => false,
  // The decision depends only on the trace id, so that all programs with the same ratio record the same traces. Like
  // OpenTelemetry's SDKs for Go and Java, mq uses the second half of the id: here its first 52 bits.
  traceidratio: (ratio) => (traceId) => Number.parseInt(traceId.slice(16, 29), 16) < ratio * 2 ** 52,
};
