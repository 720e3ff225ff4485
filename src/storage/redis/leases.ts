import type { Redis } from "ioredis"
import { Semaphore } from "redis-semaphore"
import type { MailchimpUser } from "../../mailchimp/limiter/limiters.ts"
import type { Lease } from "../../mailchimp/limiter/slot.ts"

/**
 * Leases of the slots of Mailchimp users. A lease ends by the clocks of the processes, so clocks that differ by more than
 * `leaseMs` break it.
 */
export function createRedisLeases(
  client: Redis,
  { total, leaseMs }: { readonly total: number; readonly leaseMs: number },
) {
  return ({ dc, userId }: MailchimpUser) => {
    const slots = (options: { readonly identifier: string; readonly acquiredExternally?: true }) =>
      new Semaphore(client, `mailchimp-export:slots:${dc}:${userId}`, total, {
        ...options,
        lockTimeout: leaseMs,
        acquireAttemptsLimit: 1,
        // A renewal by the library that fails would be an unhandled rejection.
        refreshInterval: 0,
      })

    return async (): Promise<Lease | undefined> => {
      const identifier = crypto.randomUUID()
      const mine = () => slots({ identifier, acquiredExternally: true })
      try {
        if (!(await slots({ identifier }).tryAcquire())) return undefined
      } catch (error) {
        // The server may have leased it nevertheless.
        mine()
          .release()
          .catch(() => {})
        throw error
      }
      return { renew: () => mine().tryAcquire(), release: () => mine().release() }
    }
  }
}
