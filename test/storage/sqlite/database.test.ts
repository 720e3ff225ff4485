import { afterEach, beforeEach, expect, test } from "bun:test"
import { Database } from "bun:sqlite"
import { chmodSync, mkdirSync, readdirSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { AppError } from "../../../src/errors.ts"
import { systemClock } from "../../../src/lib/time.ts"
import { createSqliteConnections } from "../../../src/storage/sqlite/connections.ts"
import { createAttempt, openDatabase } from "../../../src/storage/sqlite/database.ts"
import { openStorage, type Storage } from "../../../src/storage/storage.ts"
import { found, newConnection, newOwner } from "../../contracts/connection-store.ts"
import { createVirtualClock } from "../../support/virtual-clock.ts"
import { temporaryFolder } from "../../support/temporary-folder.ts"

let folder: ReturnType<typeof temporaryFolder>
let sqlitePath: string
const opened: Storage[] = []

beforeEach(() => {
  folder = temporaryFolder()
  sqlitePath = join(folder.path, "data", "deeper", "export.sqlite")
})

afterEach(async () => {
  for (const storage of opened.splice(0)) await storage.close()
  folder.remove()
})

async function open(): Promise<Storage> {
  const storage = await openStorage({ sqlitePath })
  opened.push(storage)
  return storage
}

const insertAndWait = new URL("../../support/insert-and-wait.ts", import.meta.url)
const raceOnce = new URL("../../support/race-once.ts", import.meta.url)

function run(script: URL, ...args: string[]) {
  const command = [process.execPath, Bun.fileURLToPath(script), sqlitePath, ...args]
  return Bun.spawn(command, { stdout: "pipe", stderr: "inherit" })
}

const modeOf = (path: string) => statSync(path).mode & 0o777

test("openStorage() creates the file and its folders, readable by the owner only", async () => {
  await (await open()).connections.insert(newConnection(newOwner()))
  const dataFolder = join(sqlitePath, "..")
  expect(modeOf(dataFolder)).toBe(0o700)
  const files = readdirSync(dataFolder)
  expect(files).toContain("export.sqlite-wal")
  for (const file of files) expect(modeOf(join(dataFolder, file))).toBe(0o600)
})

test("openStorage() makes a file that others can read private", async () => {
  await (await openStorage({ sqlitePath })).close()
  chmodSync(sqlitePath, 0o644)
  await open()
  expect(modeOf(sqlitePath)).toBe(0o600)
})

test("stored data are there when the storage is opened again", async () => {
  const connection = newConnection(newOwner())
  const first = await openStorage({ sqlitePath })
  await first.connections.insert(connection)
  await first.usedStates.use("state", new Date(Date.now() + 600_000))
  await first.close()
  const second = await open()
  expect(await second.connections.find(connection.owner)).toMatchObject(connection)
  expect(await second.usedStates.use("state", new Date(Date.now() + 600_000))).toBe(false)
})

test("data survive a killed process (-9), 5 times in a row", async () => {
  for (let round = 0; round < 5; round += 1) {
    const process = run(insertAndWait, `account-${round}`, `state-${round}`)
    for await (const chunk of process.stdout) if (Buffer.from(chunk).includes("stored")) break
    process.kill("SIGKILL")
    await process.exited
    const storage = await openStorage({ sqlitePath })
    for (let earlier = 0; earlier <= round; earlier += 1) {
      expect(await storage.connections.find({ accountId: `account-${earlier}`, uid: "1" })).toBeDefined()
      expect(await storage.usedStates.use(`state-${earlier}`, new Date(Date.now() + 600_000))).toBe(false)
    }
    await storage.close()
  }
}, 30_000)

test("every write is synced to disk before it resolves, so that a power failure does not undo it", () => {
  using database = openDatabase(sqlitePath)
  expect(database.query("PRAGMA journal_mode").get()).toEqual({ journal_mode: "wal" })
  expect(database.query("PRAGMA synchronous").get()).toEqual({ synchronous: 2 })
})

test("8 processes that create the file at the same time agree: one connection, one use of a state", async () => {
  for (let round = 0; round < 3; round += 1) {
    sqlitePath = join(folder.path, `race-${round}.sqlite`)
    const processes = Array.from({ length: 8 }, () => run(raceOnce))
    const outputs = await Promise.all(processes.map(({ stdout }) => new Response(stdout).text()))
    expect(outputs.filter((output) => output.includes("inserted"))).toHaveLength(1)
    expect(outputs.filter((output) => output.includes("used"))).toHaveLength(1)
    expect(outputs.filter((output) => output.endsWith("done\n"))).toHaveLength(8)
  }
}, 30_000)

async function expectUnavailable(call: () => Promise<unknown>, code: RegExp) {
  const error: unknown = await call().then(
    () => undefined,
    (error: unknown) => error,
  )
  if (!(error instanceof AppError)) throw error ?? new Error("it did not fail")
  expect(error).toMatchObject({ code: "database_unavailable", status: 503, retryAfterS: 5 })
  expect(error.message).toMatch(code)
}

test("calls wait for another process's lock, then fail with database_unavailable, then all work again", async () => {
  const { connections, usedStates } = await open()
  const connection = newConnection(newOwner())
  await connections.insert(connection)
  const stored = await found(connections, connection.owner)
  using other = new Database(sqlitePath)
  other.run("BEGIN IMMEDIATE")
  const inTenMinutes = new Date(Date.now() + 600_000)
  await expectUnavailable(() => connections.insert(newConnection(newOwner())), /SQLITE_BUSY/)
  await expectUnavailable(() => connections.update(stored, { tokenInvalidated: true }), /SQLITE_BUSY/)
  await expectUnavailable(() => connections.delete(stored), /SQLITE_BUSY/)
  await expectUnavailable(() => usedStates.use("state", inTenMinutes), /SQLITE_BUSY/)
  expect(await connections.find(connection.owner)).toEqual(stored)
  other.run("ROLLBACK")
  expect(await usedStates.use("state", inTenMinutes)).toBe(true)
  expect(await connections.delete(stored)).toBe(true)
}, 30_000)

test("another process's lock blocks nothing else: 8 writes wait, and continue once it is released", async () => {
  const clock = createVirtualClock()
  const storage = await openStorage({ sqlitePath, clock })
  opened.push(storage)
  const { connections, usedStates } = storage
  const connection = newConnection(newOwner())
  await connections.insert(connection)
  using other = new Database(sqlitePath)
  other.run("BEGIN IMMEDIATE")
  let settled = 0
  const writes = Array.from({ length: 8 }, (_, index) =>
    usedStates.use(`state-${index}`, new Date(clock.now() + 600_000)).finally(() => (settled += 1)),
  )
  await clock.advance(2_900)
  expect(settled).toBe(0)
  expect(await connections.find(connection.owner)).toBeDefined()
  other.run("ROLLBACK")
  expect(await clock.settle(Promise.all(writes))).toEqual(Array(8).fill(true))
  expect(clock.sleepers()).toBe(0)
})

test("a full disk is database_unavailable, stored data stay, and all works when there is room", async () => {
  using database = openDatabase(sqlitePath)
  const connections = createSqliteConnections(database, createAttempt(systemClock))
  const connection = newConnection(newOwner())
  await connections.insert(connection)
  const large = newConnection(newOwner(), { metadata: { dc: "us1", accountName: "x".repeat(1_000_000) } })
  const pages = database.query<{ page_count: number }, []>("PRAGMA page_count").get()?.page_count
  database.run(`PRAGMA max_page_count = ${pages}`)
  await expectUnavailable(() => connections.insert(large), /SQLITE_FULL/)
  expect(await connections.find(large.owner)).toBeUndefined()
  expect(await connections.find(connection.owner)).toMatchObject(connection)
  database.run("PRAGMA max_page_count = 1000000")
  expect(await connections.insert(large)).toBe(true)
})

test("a file that is not a database, or a folder in its place, is database_unavailable when opened", async () => {
  mkdirSync(join(sqlitePath, ".."), { recursive: true })
  writeFileSync(sqlitePath, "this is no database ".repeat(100))
  await expect(openStorage({ sqlitePath })).rejects.toThrow(/Cannot open the database .*: SQLITE_NOTADB/)
  const path = folder.path
  await expect(openStorage({ sqlitePath: path })).rejects.toThrow(/Cannot open the database .*: EISDIR/)
})

test.each([
  ["removed", () => rmSync(sqlitePath)],
  [
    "replaced by another file",
    () => (renameSync(sqlitePath, `${sqlitePath}.old`), writeFileSync(sqlitePath, "")),
  ],
  ["removed with its folder", () => rmSync(join(sqlitePath, ".."), { recursive: true })],
])("a file that was %s is not ready, because its writes are lost", async (_, change) => {
  const clock = createVirtualClock()
  const storage = await openStorage({ sqlitePath, clock })
  opened.push(storage)
  await storage.ping()
  change()
  await clock.advance(1_000)
  await expectUnavailable(() => storage.ping(), /ENOENT|replaced/)
})

test("ping() checks once a second, however often it is called", async () => {
  const clock = createVirtualClock()
  const storage = await openStorage({ sqlitePath, clock })
  opened.push(storage)
  await storage.ping()
  rmSync(sqlitePath)
  await storage.ping()
  await clock.advance(1_000)
  await expectUnavailable(() => storage.ping(), /ENOENT/)
})

test("a file of a newer version of the service is not opened", async () => {
  await (await openStorage({ sqlitePath })).close()
  const raw = new Database(sqlitePath)
  raw.run("PRAGMA user_version = 1000")
  raw.close()
  await expect(openStorage({ sqlitePath })).rejects.toThrow("a newer version of the service created it")
})

test("a malformed row is an error that names the field and does not show its value", async () => {
  const { connections } = await open()
  const connection = newConnection(newOwner())
  await connections.insert(connection)
  using raw = new Database(sqlitePath)
  for (const metadata of ["{", "{}", `{"dc":7}`, "null"]) {
    raw.query("UPDATE connections SET metadata = ?").run(metadata)
    const error: unknown = await connections.find(connection.owner).catch((error: unknown) => error)
    expect(error).toMatchObject({ code: "internal_error" })
    expect(Bun.inspect(error)).not.toContain(connection.accessToken)
  }
})
