// Name of the fixtures' connections. Connections that a test opens itself do not have it.

export const fixtureRole = 'test-fixture';

/** Reports whether a connection with this name belongs to the fixtures. */
export function isOwn(connection: string): boolean {
  return connection.startsWith(`mq ${fixtureRole} `);
}
