import { afterAll, beforeAll, expect, test } from "bun:test"
import { createLimiter } from "../../../src/mailchimp/limiter/limiter.ts"
import { createSlots } from "../../../src/mailchimp/limiter/slots.ts"
import { systemClock } from "../../../src/lib/time.ts"
import { createRedisLeases } from "../../../src/storage/redis/leases.ts"
import { openRedis, type RedisDatabase } from "../../../src/storage/redis/redis.ts"
import { describeWithRedis, startRedis } from "../../support/redis-server.ts"
import { until } from "../../support/until.ts"

describeWithRedis("leases in Redis", () => {
  let server: Awaited<ReturnType<typeof startRedis>>
  const opened: RedisDatabase[] = []
  const events: string[] = []
  let users = 0

  beforeAll(async () => {
    server = await startRedis()
  })
  afterAll(async () => {
    for (const redis of opened) redis.close()
    await server.kill9()
  })

  async function open(): Promise<RedisDatabase> {
    const redis = openRedis(server.url, ({ type }) => void events.push(type))
    opened.push(redis)
    await until("the connection", redis.isUp)
    return redis
  }

  const newUser = () => ({ dc: "us1", userId: String((users += 1)) })

  test("are as many as there are slots, for each Mailchimp user, through all clients", async () => {
    const user = newUser()
    const options = { total: 10, leaseMs: 10_000 }
    const [first, second] = [await open(), await open()].map(({ client }) =>
      createRedisLeases(client, options),
    )
    const leases = await Promise.all(
      Array.from({ length: 20 }, (_, index) => (index % 2 === 0 ? first! : second!)(user)()),
    )
    const granted = leases.filter((lease) => lease !== undefined)
    expect(granted).toHaveLength(10)
    expect(await first!(newUser())()).toBeDefined()
    await granted[0]!.release()
    expect(await second!(user)()).toBeDefined()
    expect(await first!(user)()).toBeUndefined()
  })

  test("end if they are not renewed, and are not renewed after their end", async () => {
    const tryLease = createRedisLeases((await open()).client, { total: 1, leaseMs: 600 })(newUser())
    const lease = await tryLease()
    for (let renewals = 0; renewals < 4; renewals += 1) {
      await Bun.sleep(200)
      expect(await lease?.renew()).toBe(true)
      expect(await tryLease()).toBeUndefined()
    }
    await Bun.sleep(700)
    expect(await lease?.renew()).toBe(false)
    expect(await tryLease()).toBeDefined()
  })

  test("of three clients bound connections and rate", async () => {
    const user = newUser()
    const startsMs: number[] = []
    const stop = new AbortController()
    let running = 0
    let mostRunning = 0
    const read = async (flow: ReturnType<ReturnType<typeof createLimiter>["join"]>) => {
      for (;;) {
        using _permit = await flow.acquire(stop.signal)
        startsMs.push(performance.now())
        mostRunning = Math.max(mostRunning, ++running)
        await systemClock.sleep(300, stop.signal).finally(() => (running -= 1))
      }
    }
    const work = []
    for (let count = 0; count < 3; count += 1) {
      const tryLease = createRedisLeases((await open()).client, { total: 10, leaseMs: 10_000 })(user)
      const slots = createSlots({
        tryLease,
        total: 10,
        leaseMs: 10_000,
        holdMs: 1020,
        clock: systemClock,
        random: Math.random,
      })
      const flow = createLimiter({ slots }).join()
      work.push(...Array.from({ length: 10 }, () => read(flow)))
    }
    const settled = Promise.allSettled(work)
    await Bun.sleep(5000)
    stop.abort(new Error("stopped"))
    await settled
    expect(mostRunning).toBeLessThanOrEqual(10)
    for (const [index, ms] of startsMs.entries())
      expect(startsMs.filter((other, at) => at >= index && other < ms + 1000).length).toBeLessThanOrEqual(20)
    expect(startsMs.length).toBeLessThanOrEqual(60)
    expect(startsMs.length).toBeGreaterThan(30)
  })

  test("fail within a second while the server is frozen, and are granted when it is back", async () => {
    const redis = await open()
    const tryLease = createRedisLeases(redis.client, { total: 1, leaseMs: 10_000 })(newUser())
    server.freeze()
    const startMs = performance.now()
    expect(await tryLease().catch(() => "failed")).toBe("failed")
    expect(performance.now() - startMs).toBeLessThan(2000)
    expect(await redis.isUp()).toBe(false)
    server.thaw()
    await until("the server to respond", redis.isUp)
    // The lease that was granted to nobody was released.
    await until("a lease", async () => (await tryLease()) !== undefined)
  })

  test("work again after the server was killed and restarted; the outage is one event", async () => {
    const redis = await open()
    const tryLease = createRedisLeases(redis.client, { total: 1, leaseMs: 10_000 })(newUser())
    const lease = await tryLease()
    for (const other of opened.splice(0)) if (other !== redis) other.close()
    opened.push(redis)
    events.length = 0
    await server.kill9()
    await Bun.sleep(1000)
    await expect(tryLease()).rejects.toThrow()
    expect(await redis.isUp()).toBe(false)
    server = await startRedis({ port: server.port })
    await until("the connection", redis.isUp)
    expect(await lease?.renew()).toBe(false)
    expect(await tryLease()).toBeDefined()
    expect(events).toEqual(["redis_down", "redis_up"])
  })
})
