import { join } from "node:path"
import { apiPrefix } from "../../../src/http/envelope.ts"
import { startServiceProcess } from "../../../src/dev/service-process.ts"
import { defaultClient } from "../../../src/sandbox/sandbox.ts"
import { startSandbox } from "../../../src/sandbox/serve.ts"
import { startCollector } from "../../support/collector.ts"
import { connectAccount, jwtSecret, sandboxEnv } from "../../support/service.ts"
import { temporaryFolder } from "../../support/temporary-folder.ts"
import { type Fault, faultsOf, type Play } from "./faults.ts"
import { type Position, positions } from "./positions.ts"

/** The account of one cell of the matrix: nothing that happens to it concerns another cell. */
export type CellAccount = {
  readonly userId: number
  readonly listId: string
  readonly uid: string
  readonly api: string
}

export type MatrixService = Awaited<ReturnType<typeof startMatrixService>>

const metricsToken = "only-for-the-matrix"

/**
 * A sandbox with many accounts of one list of three pages each, and the service in processes of its own. In each list one member changes after the first page was requested, so that the tail has a row.
 */
export async function startMatrixService(mostAccounts: number) {
  const folder = temporaryFolder()
  const collector = startCollector()
  const changed = new Set<string>()
  const mailchimp = startSandbox({
    decision: "approve",
    accounts: Array.from({ length: mostAccounts }, (_, index) => ({
      userId: index + 1,
      lists: [{ name: "People", count: 25 }],
    })),
    onRequest: ({ listId, path }) => {
      if (listId === undefined || !path.endsWith("/members") || changed.has(listId)) return
      changed.add(listId)
      const member = sandbox
        .truth(listId)
        .members()
        .find(({ status }) => status !== "archived")
      sandbox.changes.editMember(listId, member?.id ?? "")
    },
  })
  const { sandbox } = mailchimp
  let strayRequests = 0
  const elsewhere = Bun.serve({
    port: 0,
    fetch: () => {
      strayRequests += 1
      return Response.json({ members: [], total_items: 0 })
    },
  })
  const env = {
    ...sandboxEnv(mailchimp),
    JOB_CONCURRENCY: "1000",
    MAILCHIMP_PAGE_SIZE: "10",
    // A request that times out keeps its permit for two minutes, so an export that resumes needs others.
    MAILCHIMP_MAX_CONNECTIONS: "60",
    MAILCHIMP_RETRY_S: "30",
    CURSOR_MARGIN_S: "1",
    METRICS_TOKEN: metricsToken,
    OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
  }
  const start = async (name: string, timeoutMs: number) => {
    const log = Bun.file(join(folder.path, `${name}.log`))
    const SQLITE_PATH = join(folder.path, name, "export.sqlite")
    const JOB_FILES = join(folder.path, name, "jobs")
    const own = { SQLITE_PATH, JOB_FILES, MAILCHIMP_TIMEOUT_MS: String(timeoutMs) }
    const process = await startServiceProcess({ ...env, ...own }, { output: log })
    return { ...process, log, api: process.url + apiPrefix }
  }
  // Only faults that time out get a short time-out: on a busy machine any request may take as long.
  const services = { patient: await start("patient", 20_000), hasty: await start("hasty", 2500) }

  const secrets = new Set([jwtSecret, metricsToken, defaultClient.clientSecret])
  let accounts = 0
  let login = Promise.resolve<unknown>(undefined)
  return {
    sandbox,
    /** The requests that a redirect led to another host. */
    strayRequests: () => strayRequests,
    faults: faultsOf(elsewhere.url.origin),
    /** The account of the next cell, and the service that the cell uses. */
    account: (fault: Fault): CellAccount => {
      accounts += 1
      const { userId, lists } = sandbox.state.account(accounts)
      const { api } = fault.timesOut ? services.hasty : services.patient
      return { userId, listId: lists[0]?.id ?? "", uid: `uid-${userId}`, api }
    },
    /** Connects the account, one at a time because the sandbox has one consenting user, and returns its caller's headers. */
    connect: async ({ userId, uid, api }: CellAccount): Promise<Record<string, string>> => {
      const connecting = login.then(async () => {
        sandbox.settings.consentingUserId = userId
        const headers = await connectAccount({ api }, uid)
        for (const secret of [...sandbox.state.account(userId).tokens, ...Object.values(headers)])
          secrets.add(secret.replace("Bearer ", ""))
        return headers
      })
      login = connecting.catch(() => {})
      return connecting
    },
    /** Begins a fault. The result ends it. */
    begin: ({ listId, userId }: CellAccount, fault: Fault, play: Play, position: Position) => {
      const added = sandbox.faults.add({
        match: { ...positions[position], listId },
        action: fault.action,
        times: play === "once" ? 1 : Infinity,
        ...(play === "passing" && { forMs: 30_000 }),
      })
      return {
        played: () => added.played,
        end: () => {
          if (play === "passing") return
          added.remove()
          sandbox.setDisabled(userId, false)
        },
      }
    },
    /** What nobody but the service and its callers may know: their tokens, and the service's own secrets. */
    secrets,
    /** Everything that the service has said to its operator so far: its log, its metrics and its spans. */
    said: async (): Promise<{ log: string; metrics: string; spans: string }> => {
      const headers = { authorization: `Bearer ${metricsToken}` }
      const both = Object.values(services)
      const metrics = await Promise.all(
        both.map(async ({ url }) => (await fetch(`${url}/metrics`, { headers })).text()),
      )
      const logs = await Promise.all(both.map(({ log }) => log.text()))
      return { log: logs.join(""), metrics: metrics.join(""), spans: collector.bodies.join("\n") }
    },
    stop: async () => {
      await Promise.all(Object.values(services).map((service) => service.stop()))
      await mailchimp.stop()
      await elsewhere.stop(true)
      await collector.stop()
      folder.remove()
    },
  }
}
