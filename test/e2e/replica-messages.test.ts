import { afterAll, beforeAll, expect, test } from "bun:test"
import { join } from "node:path"
import { type Clock, systemClock } from "../../src/lib/time.ts"
import { startSandbox } from "../../src/sandbox/serve.ts"
import { startFollower } from "../support/follower.ts"
import { createJobClient } from "../support/job-client.ts"
import { describeWithRedis, startRedis } from "../support/redis-server.ts"
import { connectAccount, type RunningService, sandboxEnv, startService } from "../support/service.ts"
import { temporaryFolder } from "../support/temporary-folder.ts"
import { until } from "../support/until.ts"

/** While seconds are long, what looks once a second by this clock never does, so only a message can tell it. */
let areSecondsLong = true
const clock: Clock = {
  ...systemClock,
  sleep: (ms, signal) => systemClock.sleep(ms === 1000 && areSecondsLong ? 600_000 : ms, signal),
}

describeWithRedis("what one replica tells another", () => {
  const folder = temporaryFolder()
  const mailchimp = startSandbox({
    decision: "approve",
    accounts: [{ lists: [{ name: "One", count: 300 }] }],
  })
  const { sandbox } = mailchimp
  const listId = sandbox.state.accounts[0]?.lists[0]?.id ?? ""
  let redis: Awaited<ReturnType<typeof startRedis>>
  let first: RunningService
  let second: RunningService
  let headers: Awaited<ReturnType<typeof connectAccount>>

  beforeAll(async () => {
    redis = await startRedis()
    const env = {
      ...sandboxEnv(mailchimp),
      SQLITE_PATH: join(folder.path, "export.sqlite"),
      JOB_FILES: join(folder.path, "jobs"),
      REDIS_URL: redis.url,
      CURSOR_MARGIN_S: "1",
      FOLLOW_INTERVAL_S: "3600",
    }
    // The first process that starts runs the jobs.
    first = await startService(env)
    second = await startService(env, { clock })
    headers = await connectAccount(first)
  })
  afterAll(async () => {
    await Promise.all([first.stop(), second.stop()])
    await mailchimp.stop()
    await redis.kill9()
    folder.remove()
  })

  /** Every page of members hangs from now on. Resolves when one has been requested. */
  async function pagesHang(request: () => unknown) {
    const pages = () => sandbox.traffic.log.filter(({ path }) => path.endsWith("/members")).length
    sandbox.traffic.reset()
    sandbox.faults.add({ match: { path: "/members" }, action: { kind: "hang" }, times: Infinity })
    request()
    await until("a request for a page", () => pages() > 0)
  }

  test("a delivery to one wakes a follower of another, also after Redis was restarted", async () => {
    areSecondsLong = false
    await fetch(`${first.api}/lists/${listId}/webhook`, { method: "PUT", headers })
    const follower = startFollower(`${second.api}/export?events=true&follow=true`, headers)
    await follower.caughtUp()
    const changeArrives = async () => {
      const { id } = sandbox.changes.addMember(listId)
      await until("the row", () => follower.members.has(`${listId} ${id}`), { everyMs: 10 })
    }
    await changeArrives()

    await redis.kill9()
    redis = await startRedis({ port: redis.port })
    const subscribers = async () =>
      redis.client.call("pubsub", "numsub", "mailchimp-export:deliveries_stored")
    await until("both subscriptions", async () => String(await subscribers()).endsWith(",2"), { everyMs: 20 })
    areSecondsLong = true
    // The pause that has begun is a short one.
    await Bun.sleep(1500)
    await changeArrives()
    await follower.leave()
  }, 60_000)

  test("a job that is canceled at one stops at another, although its page never comes", async () => {
    const jobs = createJobClient(() => second, headers)
    let id = ""
    await pagesHang(async () => ({ id } = await jobs.start()))
    await until("the running job", async () => id !== "" && (await jobs.read(id)).state === "running")
    await jobs.cancel(id)
    await until("the end of its requests", () =>
      sandbox.traffic.log.every(({ path, abortedAt }) => {
        return !path.endsWith("/members") || abortedAt !== undefined
      }),
    )
    expect((await jobs.read(id)).state).toBe("canceled")
    sandbox.faults.clear()
  }, 60_000)

  test("a connection that is deleted at one ends the exports of another", async () => {
    const uid = crypto.randomUUID()
    const other = await connectAccount(first, uid)
    const broken = Promise.withResolvers<string>()
    await pagesHang(() =>
      fetch(`${second.api}/export`, { headers: other }).then(async (response) =>
        broken.resolve(await response.text()),
      ),
    )
    await fetch(`${first.api}/auth`, { method: "DELETE", headers: other })
    expect(await broken.promise).toContain("disconnected")
    sandbox.faults.clear()
  }, 60_000)
})
