import { expect, test } from "bun:test"
import { describeWithRedis } from "../support/redis-server.ts"
import { exportDuring } from "../support/replica-faults.ts"

/** The full size, with frozen replicas and Redis down for 20 s, is test/bench/replica-faults.ts. */
describeWithRedis("three replicas with six exports of one account", () => {
  test("keep the limits and are exact when one is killed, and use its slots again within 12 s", async () => {
    const seen = await exportDuring({ members: 700, fault: async ({ replicas }) => replicas[1]?.kill() })
    expect(seen).toMatchObject({ exact: 6, refused: 0 })
    expect(seen.broken).toBeGreaterThanOrEqual(2)
    expect(seen.burst).toBeLessThanOrEqual(10.3)
    expect(seen.recoveryMs).toBeLessThan(12_000)
  }, 90_000)
})
