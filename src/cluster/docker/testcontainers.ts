// Loads testcontainers on first use.

type Testcontainers = typeof import('testcontainers');

/** Returns the package's exports. In the executable, a dynamic import of CommonJS has only a default export. */
export async function testcontainers(): Promise<Testcontainers> {
  const loaded = (await import('testcontainers')) as Testcontainers & { default?: Testcontainers };
  return loaded.default ?? loaded;
}
