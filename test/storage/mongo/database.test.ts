import net from "node:net"
import { afterAll, beforeAll, describe, expect, spyOn, test } from "bun:test"
import { MongoNetworkError } from "mongodb"
import { AppError } from "../../../src/errors.ts"
import { openStorage, type Storage } from "../../../src/storage/storage.ts"
import { found, newConnection, newOwner } from "../../contracts/connection-store.ts"
import { newJob } from "../../contracts/job-store.ts"
import { newWebhook } from "../../contracts/webhook-store.ts"
import { buildTimeoutMs, type FragileFerretdb, startFragileFerretdb } from "../../support/ferretdb.ts"
import { describeWithFerretdb, describeWithMongodb, newMongodbUri } from "../../support/mongodb.ts"
import { withRawMongo } from "../../support/storage-under-test.ts"
import { until } from "../../support/until.ts"

/** The promise to a caller: a response within five seconds, whatever happens to the database. */
const promisedMs = 5_000

/** Longer than several calls that take the maximum time. */
const outageTimeoutMs = 60_000

async function failure(call: Promise<unknown>): Promise<unknown> {
  let timer: Timer | undefined
  const late = new Promise((resolve) => {
    timer = setTimeout(() => resolve("no response in time"), promisedMs)
  })
  const outcome = call.then(
    (value) => ({ value }),
    (error: unknown) => error,
  )
  try {
    return await Promise.race([outcome, late])
  } finally {
    clearTimeout(timer)
  }
}

async function expectUnavailable(call: Promise<unknown>) {
  const error = await failure(call)
  expect(error).toBeInstanceOf(AppError)
  expect(error).toMatchObject({ code: "database_unavailable", status: 503, retryAfterS: expect.any(Number) })
}

/** Waits for recovery: the first call after an outage may still use a lost connection. */
async function recovered({ ping }: Storage): Promise<void> {
  const responds = () =>
    ping().then(
      () => true,
      () => false,
    )
  await until("the recovery of the database", responds)
}

/** Every call, and what each must be able to do again after an outage. */
function callsOf({ connections, usedStates, webhooks, deliveries, jobs, ping }: Storage) {
  const connection = {
    ...newConnection(newOwner()),
    revision: `{"$oid":"65ab65ab65ab65ab65ab65ab"}`,
    tokenInvalidated: false,
  }
  const webhook = newWebhook()
  const { connectionId, listId } = webhook
  return [
    () => connections.find(connection.owner),
    () => connections.insert(connection),
    () => connections.update(connection, { tokenInvalidated: true }),
    () => connections.delete(connection),
    () => usedStates.use(crypto.randomUUID(), new Date(Date.now() + 600_000)),
    () => webhooks.insert(webhook),
    () => webhooks.find(webhook.secretHash),
    () => deliveries.insert([{ connectionId, listId, kind: "other", arrivedAt: 1_800_000_000 }]),
    () => deliveries.list(connectionId, { arrivedAt: 0 }, 10),
    () => jobs.insert(newJob()),
    () => jobs.find(newJob().id),
    ping,
  ]
}

describeWithFerretdb("a MongoDB that fails", () => {
  let server: FragileFerretdb
  let storage: Storage

  beforeAll(async () => {
    server = await startFragileFerretdb()
    storage = await openStorage({ mongodbUri: `mongodb://${server.host}/outages` })
  }, buildTimeoutMs)

  afterAll(async () => {
    await storage.close()
    await server.stop()
  })

  test(
    "killed (-9): every call fails at once with database_unavailable; restarted: calls recover, and the data are there",
    async () => {
      const connection = newConnection(newOwner())
      await storage.connections.insert(connection)
      await server.kill9()
      await Promise.all(callsOf(storage).map((call) => expectUnavailable(call())))

      await server.restart()
      await recovered(storage)
      expect(await storage.connections.find(connection.owner)).toMatchObject(connection)
      await Promise.all(callsOf(storage).map((call) => call()))
    },
    outageTimeoutMs,
  )

  // patches/ has the reason: the driver's monitor of the server would wait, too, and never look at the server again.
  test("a call whose socket was destroyed in the same turn of the event loop fails, and does not wait", async () => {
    const connect = spyOn(net, "createConnection")
    const other = await openStorage({ mongodbUri: `mongodb://${server.host}/outages` })
    try {
      await other.ping()
      for (const { value } of connect.mock.results) if (value instanceof net.Socket) value.destroy()
      const error = await failure(other.ping())
      expect(error).toMatchObject({ code: "database_unavailable", cause: expect.any(MongoNetworkError) })
      await recovered(other)
    } finally {
      connect.mockRestore()
      await other.close()
    }
  })

  test(
    "frozen: every call fails in time; thawed: all work again",
    async () => {
      const connection = newConnection(newOwner())
      await storage.connections.insert(connection)
      server.freeze()
      try {
        await Promise.all(callsOf(storage).map((call) => expectUnavailable(call())))
      } finally {
        server.thaw()
      }
      await recovered(storage)
      expect(await storage.connections.find(connection.owner)).toMatchObject(connection)
      await Promise.all(callsOf(storage).map((call) => call()))
    },
    outageTimeoutMs,
  )

  test(
    "frozen during calls: none hangs, and none is executed twice",
    async () => {
      const owner = newOwner()
      const calls = Array.from({ length: 20 }, () =>
        failure(storage.connections.insert(newConnection(owner))),
      )
      server.freeze()
      const outcomes = await Promise.all(calls)
      server.thaw()
      await recovered(storage)
      expect(outcomes).not.toContain("no response in time")
      await found(storage.connections, owner).catch(() => storage.connections.insert(newConnection(owner)))
      expect(await storage.connections.insert(newConnection(owner))).toBe(false)
      const documents = await withRawMongo(`mongodb://${server.host}/outages`, (db) =>
        db.collection("integrations.mailchimp.key").countDocuments({ account_id: owner.accountId }),
      )
      expect(documents).toBe(1)
    },
    outageTimeoutMs,
  )

  test(
    "down from the start: opening succeeds, calls fail, and all work when it comes up, including the unique index",
    async () => {
      await server.kill9()
      const early = await openStorage({ mongodbUri: `mongodb://${server.host}/from_the_start` })
      try {
        await Promise.all(callsOf(early).map((call) => expectUnavailable(call())))
        await server.restart()
        await recovered(early)
        const owner = newOwner()
        const inserted = await Promise.all(
          Array.from({ length: 20 }, () => early.connections.insert(newConnection(owner))),
        )
        expect(inserted.filter(Boolean)).toHaveLength(1)
      } finally {
        await early.close()
      }
    },
    outageTimeoutMs,
  )

  test(
    "down when the unique index is due: it is created when the server is back",
    async () => {
      const uri = `mongodb://${server.host}/no_index`
      const other = await openStorage({ mongodbUri: uri })
      try {
        await other.ping()
        await server.kill9()
        const connection = newConnection(newOwner())
        await expectUnavailable(other.connections.insert(connection))
        await server.restart()
        await recovered(other)
        expect(await other.connections.insert(connection)).toBe(true)
        expect(await other.connections.insert(connection)).toBe(false)
      } finally {
        await other.close()
      }
    },
    outageTimeoutMs,
  )

  test(
    "close() does not hang on a frozen server",
    async () => {
      const other = await openStorage({ mongodbUri: `mongodb://${server.host}/outages` })
      await other.ping()
      server.freeze()
      expect(await failure(other.close())).not.toBe("no response in time")
      server.thaw()
    },
    outageTimeoutMs,
  )
})

describe("openStorage() with an unreachable MongoDB", () => {
  test(
    "a closed port and an unknown host name: database_unavailable, in time",
    async () => {
      for (const server of [
        "mongodb://127.0.0.1:1",
        "mongodb://database.invalid",
        "mongodb+srv://database.invalid",
      ]) {
        const storage = await openStorage({ mongodbUri: server })
        await Promise.all(callsOf(storage).map((call) => expectUnavailable(call())))
        await storage.close()
      }
    },
    outageTimeoutMs,
  )

  test("an invalid URI throws an error without the password", async () => {
    for (const mongodbUri of [
      "mongodb://user:pass-word@",
      "mongodb://user:pass-word@host:port",
      "http://pass-word@x",
    ]) {
      await expect(openStorage({ mongodbUri })).rejects.toThrow(expect.not.stringContaining("pass-word"))
    }
  })
})

describeWithMongodb("openStorage() with a MongoDB", () => {
  test(
    "uses the database of the URI, or mailchimp_export if it names none",
    async () => {
      const uri = await newMongodbUri()
      const [, server = "", name = "", options = ""] = /^(.*\/)([^/?]+)(\?.*)?$/.exec(uri) ?? []
      for (const [mongodbUri, expected] of [
        [uri, name],
        [`${server}${options}`, "mailchimp_export"],
      ] as const) {
        const storage = await openStorage({ mongodbUri })
        const connection = newConnection({ accountId: crypto.randomUUID(), uid: "1" })
        await storage.connections.insert(connection)
        const filter = { account_id: connection.owner.accountId }
        const stored = await withRawMongo(`${server}${expected}${options}`, (db) =>
          db.collection("integrations.mailchimp.key").countDocuments(filter),
        )
        expect(stored).toBe(1)
        await storage.connections.delete(await found(storage.connections, connection.owner))
        await storage.close()
      }
      await withRawMongo(uri, (db) => db.dropDatabase())
    },
    buildTimeoutMs,
  )
})
