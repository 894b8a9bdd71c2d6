// What the connections of the fixtures are called: those that a test opens itself are its own business.

export const fixtureRole = 'test-fixture';

/** Whether a connection of this name is one of the fixtures'. */
export function isOwn(connection: string): boolean {
  return connection.startsWith(`mq ${fixtureRole} `);
}
