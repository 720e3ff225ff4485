import type { Clock } from "../../src/lib/time.ts"
import type { Lease } from "../../src/mailchimp/limiter/slot.ts"

/** A store of leases in memory, which responds after a millisecond. */
export function createFakeLeases(options: { total: number; leaseMs: number; clock: Clock }) {
  const { total, leaseMs, clock } = options
  const endsMs = new Map<number, number>()
  let ids = 0
  let isDown = false

  async function respond(): Promise<void> {
    await clock.sleep(1)
    if (isDown) throw new Error("Connection refused")
    for (const [id, endMs] of endsMs) if (endMs <= clock.monotonicMs()) endsMs.delete(id)
  }

  return {
    tryLease: async (): Promise<Lease | undefined> => {
      await respond()
      if (endsMs.size >= total) return undefined
      const id = ids++
      endsMs.set(id, clock.monotonicMs() + leaseMs)
      return {
        renew: async () => {
          await respond()
          if (!endsMs.has(id)) return false
          endsMs.set(id, clock.monotonicMs() + leaseMs)
          return true
        },
        release: async () => {
          await respond()
          endsMs.delete(id)
        },
      }
    },
    leased: () => endsMs.size,
    goDown: () => (isDown = true),
    comeBack: (keepsData = true) => {
      isDown = false
      if (!keepsData) endsMs.clear()
    },
  }
}
