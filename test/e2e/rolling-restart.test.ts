import { afterAll, beforeAll, describe, expect, test } from "bun:test"
import { createExport } from "../../src/client/member-export.ts"
import { startSandbox } from "../../src/sandbox/serve.ts"
import { createJobClient } from "../support/job-client.ts"
import { atomicMongodb } from "../support/mongodb.ts"
import { describeWithRedis, startRedis } from "../support/redis-server.ts"
import { bearer, connectAccount } from "../support/service.ts"
import { serviceProcesses } from "../support/service-processes.ts"

/** `ROLLING_RESTARTS=10 ROLLING_EXPORTS=20` is the whole test: the suite runs a shorter one. */
const restarts = Number(process.env["ROLLING_RESTARTS"] ?? 3)
const consumers = Number(process.env["ROLLING_EXPORTS"] ?? 6)
const accounts = Math.ceil(consumers / 2)
const members = 1500
const timeoutMs = 60_000 + restarts * 20_000

type Caller = {
  readonly uid: string
  readonly headers: Record<string, string>
  /** The ids of the members who must be in each of their exports. */
  readonly wanted: ReadonlySet<string>
}
type Replica = Awaited<ReturnType<ReturnType<typeof serviceProcesses>["start"]>>

/** Two replicas that are restarted in turn, while consumers export and jobs run. */
function testRollingRestart(jobCount: number, environment: () => Promise<Record<string, string>>) {
  const mailchimp = startSandbox({
    decision: "approve",
    latencyMs: 100,
    accounts: Array.from({ length: accounts }, (_, index) => ({
      lists: [{ name: `Account ${index}`, count: members }],
    })),
  })
  const callers: Caller[] = []
  const ports = [0, 0]
  const replicas: (Replica | undefined)[] = []
  let processes: ReturnType<typeof serviceProcesses>

  /** A replica that accepts requests: a load balancer would know. */
  const anyReplica = () => {
    const running = replicas.filter((replica) => replica !== undefined)
    const chosen = running[Math.floor(Math.random() * running.length)]
    if (chosen === undefined) throw new Error("no replica is running")
    return chosen
  }

  beforeAll(async () => {
    processes = serviceProcesses(mailchimp, {
      MAILCHIMP_PAGE_SIZE: "50",
      MAILCHIMP_REQUESTS_PER_SECOND: "10",
      SHUTDOWN_TIMEOUT_MS: "300",
      JOB_PART_MB: "1",
      ...(await environment()),
    })
    for (const index of ports.keys()) {
      const replica = await processes.start()
      replicas[index] = replica
      ports[index] = Number(new URL(replica.url).port)
    }
    for (const { userId, lists } of mailchimp.sandbox.state.accounts) {
      mailchimp.sandbox.settings.consentingUserId = userId
      const headers = await connectAccount(anyReplica(), `user-${userId}`)
      const rows = lists.flatMap(({ id }) => [...mailchimp.sandbox.truth(id).members()])
      const live = rows.filter(({ status }) => status !== "archived").map(({ row }) => idOf(row))
      callers.push({ uid: `user-${userId}`, headers, wanted: new Set(live) })
    }
  }, timeoutMs)
  afterAll(async () => {
    await processes.end()
    await mailchimp.stop()
  })

  /** Exports again and again until the restarts are over; returns how often an export was resumed. */
  async function consume(index: number, isOver: () => boolean): Promise<number> {
    const { uid, wanted } = callers[index % callers.length]!
    let resumed = 0
    do {
      const received = new Set<string>()
      const token = (await bearer(uid))["authorization"]!.slice("Bearer ".length)
      const exported = createExport<{ id: string }>(
        {
          baseUrl: "http://replicas.example.com",
          token,
          fields: ["id"],
          maxRetries: 50,
          fetch: (url, init) => fetch(url.replace("http://replicas.example.com", anyReplica().url), init),
          onProgress: ({ error }) => (resumed += error === undefined ? 0 : 1),
        },
        { sleep: () => Bun.sleep(100), random: () => 0.5 },
      )
      for await (const { id } of exported) received.add(id)
      expect(exported.end?.status).toBe("complete")
      expect(differences(received, wanted)).toEqual([0, 0])
    } while (!isOver())
    return resumed
  }

  async function runJob({ headers, wanted }: Caller): Promise<void> {
    const client = createJobClient(anyReplica, headers)
    // Whatever a replica that is just being restarted does not answer is requested again.
    const key = { "idempotency-key": crypto.randomUUID() }
    const { id } = await retrying(() => client.start({}, key))
    const job = await client.ended(id)
    expect(job.state).toBe("complete")
    const rows = await retrying(async () => client.rows(await client.read(id)))
    expect(differences(new Set(rows.map(idOf)), wanted)).toEqual([0, 0])
  }

  async function restartInTurn(): Promise<void> {
    for (let index = 0; index < restarts; index += 1) {
      const which = index % replicas.length
      const stopping = replicas[which]!
      replicas[which] = undefined
      expect((await stopping.stop()).exitCode).toBe(0)
      replicas[which] = await processes.start({ PORT: String(ports[which]), PUBLIC_URL: stopping.url })
      await Bun.sleep(500)
    }
  }

  test(
    `${restarts} restarts under ${consumers} exports and ${jobCount} jobs lose no member of any`,
    async () => {
      let isOver = false
      const runs = Array.from({ length: consumers }, (_, index) => consume(index, () => isOver))
      const jobs = callers.slice(0, jobCount).map(runJob)
      await restartInTurn()
      isOver = true
      const resumed = await Promise.all(runs)
      expect(resumed.reduce((sum, times) => sum + times, 0)).toBeGreaterThan(restarts)
      await Promise.all(jobs)
    },
    timeoutMs,
  )
}

function idOf(row: string): string {
  return JSON.parse(row).id
}

/** How many are missing, and how many should not be there. */
function differences(received: ReadonlySet<string>, wanted: ReadonlySet<string>): [number, number] {
  return [wanted.difference(received).size, received.difference(wanted).size]
}

async function retrying<T>(request: () => Promise<T>): Promise<T> {
  for (let tries = 1; ; tries += 1) {
    try {
      return await request()
    } catch (error) {
      if (tries === 100) throw error
      await Bun.sleep(100)
    }
  }
}

describe("two processes over one SQLite file", () => testRollingRestart(2, async () => ({})))

atomicMongodb.describe("two replicas over MongoDB", () => {
  describeWithRedis("with Redis", () => {
    let redis: Awaited<ReturnType<typeof startRedis>>
    testRollingRestart(2, async () => {
      redis = await startRedis()
      return { MONGODB_URI: await atomicMongodb.newUri(), REDIS_URL: redis.url, JOB_FILES_SHARED: "true" }
    })
    afterAll(() => redis.kill9())
  })
})
