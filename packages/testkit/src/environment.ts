/**
 * Names of the variables through which a test run tells its tests where the stores are. Set them before the run to use
 * stores of your own; global-setup.ts sets them otherwise.
 */

/** URL of a PostgreSQL superuser's database; test databases are made beside it. */
export const DATABASE_URL_VARIABLE = "WAKEFLEET_TEST_DATABASE_URL";
/** Set by `npm run test:cluster`: the run's Redis is a Cluster of three masters. */
export const REDIS_CLUSTER_VARIABLE = "WAKEFLEET_TEST_REDIS_CLUSTER";
/** URL of a Redis that tests may write to under prefixes of their own. */
export const REDIS_URL_VARIABLE = "WAKEFLEET_TEST_REDIS_URL";

/** URL of the run's PostgreSQL. Throws with the mend when the run has none. */
export function testDatabaseServerUrl(): string {
  return required(DATABASE_URL_VARIABLE);
}

/** URL of the run's Redis. Throws with the mend when the run has none. */
export function testRedisUrl(): string {
  return required(REDIS_URL_VARIABLE);
}

function required(name: string): string {
  const value = process.env[name];
  if (value === undefined || value === "") {
    throw new Error(
      `${name} is not set. Run the tests through \`npm test\` or \`npx vitest run\`, whose set-up starts the stores.`,
    );
  }
  return value;
}
