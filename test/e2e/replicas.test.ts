import { afterAll, beforeAll, expect, test } from "bun:test"
import { startSandbox } from "../../src/sandbox/serve.ts"
import { type ReceivedExport, receiveExport } from "../support/received-export.ts"
import { describeWithRedis, startRedis } from "../support/redis-server.ts"
import { connectAccount } from "../support/service.ts"
import { serviceProcesses } from "../support/service-processes.ts"
import { until } from "../support/until.ts"

describeWithRedis("three replicas with one Redis", () => {
  const mailchimp = startSandbox({
    decision: "approve",
    latencyMs: 300,
    accounts: [
      {
        lists: [
          { name: "One", count: 400 },
          { name: "Two", count: 100 },
        ],
      },
    ],
  })
  const { traffic } = mailchimp.sandbox
  let redis: Awaited<ReturnType<typeof startRedis>>
  let processes: ReturnType<typeof serviceProcesses>
  let replicas: Awaited<ReturnType<typeof processes.start>>[]
  let headers: Awaited<ReturnType<typeof connectAccount>>

  beforeAll(async () => {
    redis = await startRedis()
    processes = serviceProcesses(mailchimp, {
      REDIS_URL: redis.url,
      MAILCHIMP_PAGE_SIZE: "50",
      MAILCHIMP_REQUESTS_PER_SECOND: "10",
    })
    replicas = [await processes.start(), await processes.start(), await processes.start()]
    headers = await connectAccount(replicas[0]!)
  })

  afterAll(async () => {
    await processes.end()
    await redis.kill9()
    await mailchimp.stop()
  })

  const readiness = async () => (await fetch(`${replicas[0]!.url}/readyz`)).text()
  const isUp = `{"status":"ok","redis":"up"}`
  const isDown = `{"status":"ok","redis":"down"}`

  function expectWhole({ rows, ofKind, isBroken }: ReceivedExport) {
    const [end] = ofKind("end")
    expect([end?.status, isBroken]).toEqual(["complete", false])
    expect(new Set(rows).size).toBe(end?.rows ?? 0)
    expect(rows.length).toBeGreaterThan(300)
  }

  /** Two exports in each replica, all of one account. */
  function startExports() {
    const exports = replicas.flatMap(({ api }) =>
      [1, 2].map(async () => receiveExport(await fetch(`${api}/export?events=true`, { headers }))),
    )
    return Promise.all(exports)
  }

  test("make no more than ten requests at once and ten a second, and no export ends short", async () => {
    expect(await readiness()).toBe(isUp)
    traffic.reset()
    for (const received of await startExports()) expectWhole(received)
    expect(traffic.log.map(({ status }) => status).filter((status) => status !== 200)).toEqual([])
    const arrivals = traffic.log.filter(({ userId }) => userId !== undefined).map(({ at }) => at)
    const spans = arrivals.flatMap((from, first) =>
      arrivals.slice(first).map((to, index) => ({ ms: to - from, requests: index + 1 })),
    )
    // Arrivals may be a little closer together than starts.
    expect(spans.filter(({ ms, requests }) => requests > 10 + (10 * (ms + 30)) / 1000)).toEqual([])
  }, 60_000)

  test("export to the end although Redis is killed for three seconds, and say so meanwhile", async () => {
    const exports = startExports()
    await Bun.sleep(1000)
    await redis.kill9()
    await until("Redis to be missed", async () => (await readiness()) === isDown)
    await Bun.sleep(2000)
    redis = await startRedis({ port: redis.port })
    for (const received of await exports) expectWhole(received)
    expect(await readiness()).toBe(isUp)
  }, 60_000)
})
