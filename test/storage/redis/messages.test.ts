import { afterAll, beforeAll, expect, test } from "bun:test"
import { openRedis, type RedisDatabase } from "../../../src/storage/redis/redis.ts"
import { describeWithRedis, startRedis } from "../../support/redis-server.ts"
import { until } from "../../support/until.ts"

describeWithRedis("messages over Redis", () => {
  let server: Awaited<ReturnType<typeof startRedis>>
  let replicas: RedisDatabase[]
  let received: string[]

  beforeAll(async () => {
    server = await startRedis()
    replicas = [0, 1].map(() => openRedis(server.url, () => {}))
    received = []
    for (const [index, { messages }] of replicas.entries()) {
      messages.listen("job_canceled", (id) => received.push(`${index} job_canceled ${id}`))
      messages.listen("connection_deleted", (id) => received.push(`${index} connection_deleted ${id}`))
    }
  })
  afterAll(async () => {
    for (const redis of replicas) redis.close()
    await server.kill9()
  })

  /** Sends until both replicas have received it, because what is sent too early is lost. */
  async function sendAgainAndAgain(id: string): Promise<void> {
    await until(
      `the message ${id} to both replicas`,
      () => {
        replicas[0]?.messages.send("job_canceled", id)
        return [0, 1].every((index) => received.includes(`${index} job_canceled ${id}`))
      },
      { everyMs: 20 },
    )
  }

  test("reach the listener of their topic in every replica, once, in order", async () => {
    await sendAgainAndAgain("begin")
    await Bun.sleep(100)
    received.length = 0
    const ids = Array.from({ length: 100 }, (_, index) => String(index))
    for (const id of ids) replicas[1]?.messages.send("job_canceled", id)
    replicas[1]?.messages.send("deliveries_stored", "nobody listens")
    replicas[1]?.messages.send("connection_deleted", "last")
    await until("the last message", () => received.filter((each) => each.endsWith("last")).length === 2)
    for (const index of [0, 1])
      expect(received.filter((each) => each.startsWith(String(index)))).toEqual([
        ...ids.map((id) => `${index} job_canceled ${id}`),
        `${index} connection_deleted last`,
      ])
  })

  test("are lost while the server is down, and arrive again, once, when it is back", async () => {
    await server.kill9()
    replicas[0]?.messages.send("job_canceled", "lost")
    await Bun.sleep(700)
    server = await startRedis({ port: server.port })
    await sendAgainAndAgain("back")
    await Bun.sleep(100)
    received.length = 0
    replicas[0]?.messages.send("job_canceled", "once")
    await until("the message", () => received.length >= 2)
    await Bun.sleep(100)
    expect(received.toSorted()).toEqual(["0 job_canceled once", "1 job_canceled once"])
  })
})
