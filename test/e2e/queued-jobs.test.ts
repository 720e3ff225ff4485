import { expect, test } from "bun:test"
import { startSandbox } from "../../src/sandbox/serve.ts"
import { createJobClient } from "../support/job-client.ts"
import { atomicMongodb, mongodbStartTimeoutMs } from "../support/mongodb.ts"
import { describeWithRedis, startRedis } from "../support/redis-server.ts"
import { connectAccount } from "../support/service.ts"
import { serviceProcesses } from "../support/service-processes.ts"
import { withRawMongo } from "../support/storage-under-test.ts"
import { until } from "../support/until.ts"

/** `QUEUED_ACCOUNTS=100 QUEUED_JOBS=10000` is the full size. */
const accountCount = Number(process.env["QUEUED_ACCOUNTS"] ?? 6)
const jobCount = Number(process.env["QUEUED_JOBS"] ?? 30)
const concurrentAccounts = jobCount < 10_000 ? 1 : 10
/** A busy machine takes longer for a few jobs. */
const mostListMs = jobCount < 10_000 ? 1000 : 100

type Client = ReturnType<typeof createJobClient>

describeWithRedis("many queued jobs", () => {
  atomicMongodb.describe("with one MongoDB", () => {
    test(
      "of several accounts: each account's first begins before any account's third, and lists stay fast",
      async () => {
        const mailchimp = startSandbox({
          decision: "approve",
          accounts: Array.from({ length: accountCount }, (_, userId) => ({
            userId: userId + 1,
            lists: [{ name: "One", count: 5 }],
          })),
        })
        await using stack = new AsyncDisposableStack()
        stack.defer(mailchimp.stop)
        const redis = await startRedis()
        stack.defer(redis.kill9)
        const uri = await atomicMongodb.newUri()
        const processes = serviceProcesses(mailchimp, {
          MONGODB_URI: uri,
          REDIS_URL: redis.url,
          JOB_FILES_SHARED: "true",
        })
        stack.defer(processes.end)
        const web = await processes.start({ ROLE: "web" })
        const clients: Client[] = []
        for (let userId = 1; userId <= accountCount; userId += 1) {
          mailchimp.sandbox.settings.consentingUserId = userId
          const headers = await connectAccount(web, undefined, { account_id: `account ${userId}` })
          clients.push(createJobClient(() => web, headers))
        }

        const queuedMs = await timeOf(async () => {
          // Nearly the worst order: an account queues all of its jobs before most others come.
          for (let at = 0; at < accountCount; at += concurrentAccounts)
            await Promise.all(clients.slice(at, at + concurrentAccounts).map(queueAll))
        })
        const listedMs: number[] = []
        for (const client of clients) {
          listedMs.push(
            await timeOf(async () => {
              expect(await client.list()).toHaveLength(Math.min(100, jobCount / accountCount))
            }),
          )
        }
        const [medianMs = 0, slowestMs = 0] = [0.5, 1].map((share) => quantile(listedMs, share))

        const worker = await processes.start({ ROLE: "worker" })
        let begun: number[][] = []
        await until(
          "three jobs of each account",
          async () => {
            begun = await beginningsOf(uri)
            return begun.length === accountCount && begun.every((ofAccount) => ofAccount.length >= 3)
          },
          { withinS: 300, everyMs: 500 },
        )
        await worker.kill()
        const lastFirstMs = Math.max(...begun.map(([first = Infinity]) => first))
        const firstThirdMs = Math.min(...begun.map(([, , third = Infinity]) => third))
        console.info(
          `${jobCount} queued in ${queuedMs.toFixed()} ms, listed in ${medianMs.toFixed(1)} ms, ` +
            `${slowestMs.toFixed(1)} at most; ${firstThirdMs - lastFirstMs} ms from the last first to the first third`,
        )
        expect(lastFirstMs).toBeLessThanOrEqual(firstThirdMs)
        expect(medianMs).toBeLessThan(mostListMs)
      },
      mongodbStartTimeoutMs + 600_000,
    )
  })
})

/** When the jobs of each account began, by their records, earliest first. */
async function beginningsOf(uri: string): Promise<number[][]> {
  const beginnings = await withRawMongo(uri, (db) =>
    db
      .collection<{ account_id: string; started_at?: Date }>("integrations.mailchimp.job")
      .find({ state: { $ne: "queued" } }, { projection: { account_id: 1, started_at: 1 } })
      .sort({ started_at: 1 })
      .toArray(),
  )
  const byAccount = Map.groupBy(beginnings, ({ account_id }) => account_id)
  return [...byAccount.values()].map((jobs) =>
    jobs.map(({ started_at }) => started_at?.getTime() ?? Infinity),
  )
}

async function queueAll(client: Client): Promise<void> {
  for (let made = 0; made < jobCount / accountCount; made += 1) await client.start()
}

async function timeOf(work: () => Promise<void>): Promise<number> {
  const startedMs = performance.now()
  await work()
  return performance.now() - startedMs
}

function quantile(values: readonly number[], share: number): number | undefined {
  return values.toSorted((a, b) => a - b)[Math.ceil(values.length * share) - 1]
}
