// testcontainers, loaded when it is first needed.

type Testcontainers = typeof import('testcontainers');

/** The package's exports. In the executable a CommonJS package that is imported late has only its default export (esbuild). */
export async function testcontainers(): Promise<Testcontainers> {
  const loaded = (await import('testcontainers')) as Testcontainers & { default?: Testcontainers };
  return loaded.default ?? loaded;
}
