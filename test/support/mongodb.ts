import { describe } from "bun:test"
import { buildTimeoutMs, startFerretdb } from "./ferretdb.ts"

/** For a `beforeAll` that may have to build the server first. */
export const mongodbStartTimeoutMs = buildTimeoutMs

const hasGo = Bun.which("go") !== null
const givenUri = process.env["MONGODB_TEST_URI"]

/**
 * A suite that needs a server of MongoDB's protocol. If no server is available, the suite is skipped and its name
 * says why.
 */
export function describeWithMongodb(name: string, suite: () => void): void {
  describeUnless(givenUri === undefined && !hasGo, "needs go on the PATH, or MONGODB_TEST_URI", name, suite)
}

/** A suite that needs a server that it may kill. */
export function describeWithFerretdb(name: string, suite: () => void): void {
  describeUnless(!hasGo, "needs go on the PATH", name, suite)
}

function describeUnless(isMissing: boolean, reason: string, name: string, suite: () => void): void {
  describe.skipIf(isMissing)(isMissing ? `${name} (skipped: ${reason})` : name, suite)
}

let started: Promise<string> | undefined

/**
 * The URI of a new database on a real server: the server of MONGODB_TEST_URI, else one FerretDB for all suites of this
 * process, which ends with the process.
 */
export async function newMongodbUri(): Promise<string> {
  started ??=
    givenUri === undefined
      ? startFerretdb().then(({ host }) => `mongodb://${host}/`)
      : Promise.resolve(givenUri)
  return withDatabase(await started, `test_${crypto.randomUUID().replaceAll("-", "")}`)
}

/** Keeps hosts, credentials and options, and changes the name of the database. */
function withDatabase(uri: string, name: string): string {
  const [, server, options = ""] = /^(mongodb(?:\+srv)?:\/\/[^/?]+)[^?]*(\?.*)?$/.exec(uri) ?? []
  if (server === undefined) throw new Error("MONGODB_TEST_URI is not the URI of a MongoDB")
  return `${server}/${name}${options}`
}
