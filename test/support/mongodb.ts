import { describe } from "bun:test"
import { buildTimeoutMs, missingForFerretdb, startFerretdb } from "./ferretdb.ts"
import { missingForMongoJavaServer, startMongoJavaServer } from "./mongo-java-server.ts"

/** For a `beforeAll` that may have to build the server first. */
export const mongodbStartTimeoutMs = buildTimeoutMs

const givenUri = process.env["MONGODB_TEST_URI"]

/** A server of MongoDB's protocol, one for all suites of this process, which ends with the process. */
export type MongodbServer = {
  readonly name: string
  /** A suite that needs the server. If it is not available, the suite is skipped and its name says why. */
  describe(name: string, suite: () => void): void
  /** The URI of a new database. */
  newUri(): Promise<string>
}

/** The server of MONGODB_TEST_URI, else FerretDB: on disk, but its conditional updates are not atomic. */
export const mongodb: MongodbServer =
  givenServer() ?? toServer("MongoDB (FerretDB)", missingForFerretdb, startFerretdb)

/** The server of MONGODB_TEST_URI, else mongo-java-server: in memory, and each update of a document is atomic. */
export const atomicMongodb: MongodbServer =
  givenServer() ?? toServer("MongoDB (mongo-java-server)", missingForMongoJavaServer, startMongoJavaServer)

/** The servers on which a contract runs: each differs from MongoDB in something else. */
export const mongodbServers = givenUri === undefined ? [mongodb, atomicMongodb] : [mongodb]

export const describeWithMongodb = mongodb.describe
export const newMongodbUri = mongodb.newUri

/** A suite that needs a server that it may kill. */
export function describeWithFerretdb(name: string, suite: () => void): void {
  describeUnless(missingForFerretdb, name, suite)
}

function describeUnless(missing: string | undefined, name: string, suite: () => void): void {
  describe.skipIf(missing !== undefined)(
    missing === undefined ? name : `${name} (skipped: ${missing})`,
    suite,
  )
}

function givenServer(): MongodbServer | undefined {
  if (givenUri === undefined) return undefined
  return { name: "MongoDB", describe, newUri: async () => withNewDatabase(givenUri) }
}

function toServer(
  name: string,
  missing: string | undefined,
  start: () => Promise<{ readonly host: string }>,
): MongodbServer {
  let started: Promise<{ readonly host: string }> | undefined
  return {
    name,
    describe: (suiteName, suite) =>
      describeUnless(missing === undefined ? undefined : `${missing}, or MONGODB_TEST_URI`, suiteName, suite),
    newUri: async () => {
      started ??= start()
      return withNewDatabase(`mongodb://${(await started).host}/`)
    },
  }
}

/** Keeps hosts, credentials and options, and changes the name of the database. */
function withNewDatabase(uri: string): string {
  const [, server, options = ""] = /^(mongodb(?:\+srv)?:\/\/[^/?]+)[^?]*(\?.*)?$/.exec(uri) ?? []
  if (server === undefined) throw new Error("MONGODB_TEST_URI is not the URI of a MongoDB")
  return `${server}/test_${crypto.randomUUID().replaceAll("-", "")}${options}`
}
