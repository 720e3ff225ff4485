/**
 * Three replicas with six exports of one account: one replica killed or frozen, Redis killed and restarted with and without its
 * data. Needs `redis-server` on the PATH.
 */
import { exportDuring, type Faults } from "../support/replica-faults.ts"
import { number, printTable, sizeOf } from "./support/table.ts"

const members = sizeOf("BENCH_MEMBERS", 1600)
const downMs = sizeOf("BENCH_DOWN_S", 20) * 1000
const frozenMs = sizeOf("BENCH_FROZEN_S", 15) * 1000

async function redisDown({ killRedis, startRedis }: Faults): Promise<void> {
  await killRedis()
  await Bun.sleep(downMs)
  await startRedis()
}

const faults: Record<string, Omit<Parameters<typeof exportDuring>[0], "members">> = {
  "a replica killed (-9)": { fault: async ({ replicas }) => replicas[1]?.kill() },
  "a replica frozen": {
    fault: async ({ replicas }) => {
      const pid = replicas[1]?.pid ?? 0
      process.kill(pid, "SIGSTOP")
      await Bun.sleep(frozenMs)
      process.kill(pid, "SIGCONT")
    },
  },
  "Redis down, its data kept": { keepsData: true, fault: redisDown },
  "Redis down, its data lost": { fault: redisDown },
}

const rows: string[][] = []
for (const [name, options] of Object.entries(faults)) {
  const seen = await exportDuring({ members, ...options })
  rows.push([
    name,
    `${seen.exact} of 6`,
    number(seen.broken),
    number(seen.burst, 1),
    seen.refused === 0 ? "0" : `${seen.refused}, the last after ${number(seen.lastRefusedMs / 1000, 1)} s`,
    `${number(seen.recoveryMs / 1000, 1)} s`,
  ])
}
printTable(
  "Three replicas, six exports of one account",
  ["fault", "exact", "resumed", "requests in t s, less 10 t", "beyond ten at once", "slots in use again"],
  rows,
)
