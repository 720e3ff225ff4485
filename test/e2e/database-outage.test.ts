import { Database } from "bun:sqlite"
import { join } from "node:path"
import { describe, expect, test } from "bun:test"
import { memberIdOf } from "../../src/sandbox/members/member.ts"
import { buildTimeoutMs, startFragileFerretdb } from "../support/ferretdb.ts"
import { createJobClient } from "../support/job-client.ts"
import { describeWithFerretdb } from "../support/mongodb.ts"
import { receiveExport } from "../support/received-export.ts"
import { differenceOf, noDifference, startSandboxAndService } from "../support/sandbox-and-service.ts"
import { connectAccount } from "../support/service.ts"
import { withRawMongo } from "../support/storage-under-test.ts"
import { temporaryFolder } from "../support/temporary-folder.ts"
import { until } from "../support/until.ts"

/** `OUTAGE_S=20` is the outage that the service is meant for; exports must take longer than the outage. */
const outageS = Number(process.env["OUTAGE_S"] ?? 7)
/** Five seconds, and what a busy machine adds. */
const mostLoginMs = 5500
const patienceMs = buildTimeoutMs + outageS * 10_000

type Outage = {
  readonly env: Readonly<Record<string, string>>
  begin(): Promise<void> | void
  end(): Promise<void> | void
  /** The ids of the members of all deliveries that are stored. */
  deliveredIds(): Promise<readonly unknown[]>
}

/** Exports, and on request a job, through an outage; deliveries all the time, and logins while it lasts and after it. */
async function goThrough(outage: Outage, options: { readonly hasJob: boolean }) {
  await using pair = await startSandboxAndService({
    lists: [{ name: "People", count: 1000 }],
    latencyMs: 100 * (outageS + 4),
    env: { ...outage.env, MAILCHIMP_MAX_CONNECTIONS: "1" },
  })
  const { service, sandbox, headers, listIds } = pair
  const put = await fetch(`${service.api}/lists/${listIds[0]}/webhook`, { method: "PUT", headers })
  expect(put.status).toBe(200)
  const url = sandbox.state.list(listIds[0] ?? "").webhooks[0]?.url ?? ""

  const accepted: string[] = []
  const delivery = { isOn: true }
  const deliver = async () => {
    for (let serial = 0; delivery.isOn; serial += 1) {
      const address = `delivered.${serial}@example.com`
      const body = new URLSearchParams({ type: "profile", "data[email]": address })
      const response = await fetch(url, { method: "POST", body }).catch(() => undefined)
      const status = response?.status
      if (status !== undefined) expect([200, 503]).toContain(status)
      if (status === 200) accepted.push(memberIdOf(address))
      await Bun.sleep(20)
    }
  }
  const delivering = deliver()
  const jobs = createJobClient(() => service, headers)
  const job = options.hasJob ? await jobs.start() : undefined
  // Longer than `pair.receive` waits.
  const exporting = fetch(`${service.api}/export?events=true`, { headers }).then(receiveExport)
  await until("the first page", () => sandbox.traffic.log.some(({ path }) => path.endsWith("/members")))
  await until("a delivery", () => accepted.length > 0)

  await outage.begin()
  const phase = { isOver: false }
  const endLater = async () => {
    await Bun.sleep(outageS * 1000)
    await outage.end()
    phase.isOver = true
  }
  const ending = endLater()
  const logins: { readonly status: number; readonly ms: number }[] = []
  while (!phase.isOver) {
    const startedMs = performance.now()
    const status = await connectAccount(service).then(() => 200, statusOf)
    if (!phase.isOver) logins.push({ status, ms: performance.now() - startedMs })
    await Bun.sleep(100)
  }
  await ending
  await until(
    "a login",
    () =>
      connectAccount(service).then(
        () => true,
        () => false,
      ),
    { everyMs: 50 },
  )
  const before = accepted.length
  await until("a delivery after the outage", () => accepted.length > before)

  const received = await exporting
  expect(received.ofKind("end")).toMatchObject([{ status: "complete" }])
  expect(differenceOf(received.rows, pair.liveRows())).toEqual(noDifference)
  if (job !== undefined) {
    const ended = await jobs.ended(job.id)
    expect(ended.state).toBe("complete")
    expect(differenceOf(await jobs.rows(ended), pair.liveRows())).toEqual(noDifference)
  }
  delivery.isOn = false
  await delivering
  const stored = new Set(await outage.deliveredIds())
  expect(accepted.filter((id) => !stored.has(id))).toEqual([])
  expect(logins.length).toBeGreaterThan(0)
  expect(logins.filter(({ status, ms }) => status !== 503 || ms > mostLoginMs)).toEqual([])
}

/** The status in the message of a login that was not redirected. */
function statusOf(error: unknown): number {
  return Number(/: (\d{3}) /.exec(String(error))?.[1] ?? Number.NaN)
}

describeWithFerretdb("MongoDB, amid an export, logins and deliveries", () => {
  test.each(["stopped", "frozen"] as const)(
    "%s and brought back: the export is exact, logins are a 503 within 5 s, and no accepted delivery is lost",
    async (how) => {
      const database = await startFragileFerretdb()
      const uri = `mongodb://${database.host}/outage`
      try {
        await goThrough(
          {
            env: { MONGODB_URI: uri },
            begin: how === "stopped" ? database.kill9 : database.freeze,
            end: how === "stopped" ? database.restart : database.thaw,
            deliveredIds: () =>
              withRawMongo(uri, (db) =>
                db.collection("integrations.mailchimp.delivery").distinct("member_id"),
              ),
          },
          { hasJob: false },
        )
      } finally {
        await database.stop()
      }
    },
    patienceMs,
  )
})

describe("SQLite, amid an export, a job, logins and deliveries", () => {
  test(
    "locked by another process: the export and the job are exact, logins are a 503 within 5 s, and no accepted delivery is lost",
    async () => {
      const folder = temporaryFolder()
      const path = join(folder.path, "outage.sqlite")
      let lock: Database | undefined
      try {
        await goThrough(
          {
            env: { SQLITE_PATH: path },
            begin: () => {
              lock = new Database(path)
              lock.run("BEGIN IMMEDIATE")
            },
            end: () => {
              lock?.run("ROLLBACK")
              lock?.close()
            },
            deliveredIds: async () => {
              using database = new Database(path, { readonly: true })
              return database
                .query<{ member_id: string }, []>("SELECT member_id FROM deliveries")
                .all()
                .map(({ member_id }) => member_id)
            },
          },
          { hasJob: true },
        )
      } finally {
        folder.remove()
      }
    },
    patienceMs,
  )
})
