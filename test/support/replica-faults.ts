import { startSandbox } from "../../src/sandbox/serve.ts"
import { burstOf, recoveryMs, type Replica, startReplicas } from "../bench/support/replicas.ts"
import { liveRowsOf } from "./live-rows.ts"
import { receiveExport } from "./received-export.ts"
import { startRedis } from "./redis-server.ts"
import { connectAccount } from "./service.ts"
import { temporaryFolder } from "./temporary-folder.ts"

/** What may happen to three replicas while they export. */
export type Faults = {
  readonly replicas: readonly Replica[]
  killRedis(): Promise<void>
  startRedis(): Promise<void>
}

const pageRows = 20
const exportsEach = 2

/**
 * Three replicas with six exports of one account. Each is resumed at the next replica when it breaks. Resolves, when all have ended,
 * to what was received and what Mailchimp saw.
 *
 * @param options.members of the account, read at 200 a second by all exports together
 * @param options.fault resolves when the fault is over; slots must be in use again soon after
 * @param options.keepsData whether Redis keeps its data when it is killed
 */
export async function exportDuring(options: {
  readonly members: number
  readonly fault: (faults: Faults) => Promise<void>
  readonly keepsData?: boolean
}) {
  const { members, fault, keepsData = false } = options
  const mailchimp = startSandbox({
    decision: "approve",
    latencyMs: 300,
    accounts: [{ lists: [{ name: "One", count: members }] }],
  })
  const { sandbox } = mailchimp
  const folder = temporaryFolder()
  const durability = keepsData ? { dataFolder: folder.path } : {}
  let redis = await startRedis(durability)
  const replicas = await startReplicas(3, folder.path, mailchimp, {
    REDIS_URL: redis.url,
    MAILCHIMP_PAGE_SIZE: String(pageRows),
  })
  try {
    const headers = await connectAccount(replicas[0] ?? { api: "" })
    sandbox.traffic.reset()
    const exports = Promise.all(
      Array.from({ length: exportsEach * replicas.length }, (_, index) =>
        exportWhole(replicas, index, headers),
      ),
    )
    await Bun.sleep(3000)
    await fault({
      replicas,
      killRedis: () => redis.kill9(),
      startRedis: async () => void (redis = await startRedis({ port: redis.port, ...durability })),
    })
    const overMs = Date.now()
    const received = await exports
    const listId = sandbox.state.accounts[0]?.lists[0]?.id ?? ""
    const expected = new Set(liveRowsOf(sandbox, listId))
    const requests = sandbox.traffic.log.filter(({ userId }) => userId !== undefined)
    const refused = requests.filter(({ status }) => status === 429)
    return {
      exact: received.filter(({ rows }) => Bun.deepEquals(rows, expected)).length,
      broken: received.reduce((sum, { broken }) => sum + broken, 0),
      burst: burstOf(requests),
      /** Requests beyond ten at once: the sandbox refuses them. */
      refused: refused.length,
      lastRefusedMs: Math.max(-Infinity, ...refused.map(({ at }) => at - overMs)),
      recoveryMs: recoveryMs(requests, overMs),
    }
  } finally {
    await Promise.all(replicas.map((replica) => replica.kill()))
    await mailchimp.stop()
    await redis.kill9()
    folder.remove()
  }
}

/** Exports to the end, and resumes at the next replica when an export breaks. */
async function exportWhole(replicas: readonly Replica[], first: number, headers: Record<string, string>) {
  const rows = new Set<string>()
  let cursor: string | undefined
  for (let attempt = 0; ; attempt += 1) {
    const replica = replicas[(first + attempt) % replicas.length]
    const query = cursor === undefined ? "" : `&cursor=${encodeURIComponent(cursor)}`
    const received = await fetch(`${replica?.api}/export?events=true${query}`, { headers })
      .then(receiveExport)
      .catch(() => undefined)
    for (const row of received?.rows ?? []) rows.add(row)
    for (const event of received?.events ?? [])
      if ("cursor" in event && event.cursor !== undefined) cursor = event.cursor
    if (received?.ofKind("end")[0]?.status === "complete") return { rows, broken: attempt }
  }
}
