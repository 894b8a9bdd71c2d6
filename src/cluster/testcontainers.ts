// Loads testcontainers on first use.

type Testcontainers = typeof import('testcontainers');

/**
 * Returns the exports of the package. In the executable, a dynamically imported CommonJS package has only its default
 * export (esbuild).
 */
export async function testcontainers(): Promise<Testcontainers> {
  const loaded = (await import('testcontainers')) as Testcontainers & { default?: Testcontainers };
  return loaded.default ?? loaded;
}
