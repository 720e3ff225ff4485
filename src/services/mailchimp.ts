import { createTurns } from "../lib/time.ts"
import type { MailchimpEvent } from "../mailchimp/client.ts"
import { createFixedAllowance } from "../mailchimp/limiter/allowance.ts"
import { createLimiters, type MailchimpUser } from "../mailchimp/limiter/limiters.ts"
import { createSlots } from "../mailchimp/limiter/slots.ts"
import { createMailchimpOAuth } from "../mailchimp/oauth.ts"
import { createRedisLeases } from "../storage/redis/leases.ts"
import type { RedisDatabase } from "../storage/redis/redis.ts"
import type { Shared } from "./shared.ts"

/** How long a lease of a slot lasts if it is not renewed. The clocks of replicas may differ by less. */
const leaseMs = 10_000
/** More than a second, because requests may arrive at Mailchimp closer together than they started. */
const holdMs = 1020

/** @param redis where replicas share the limits; without it this process uses them alone */
export function createMailchimp(
  { config: { mailchimp }, redaction, clock }: Shared,
  redis: RedisDatabase | undefined,
) {
  const {
    datacenterUrl: dataCenterUrl,
    maxConnections: permits,
    requestsPerSecond: ratePerSecond,
  } = mailchimp
  const allowance = createFixedAllowance({ permits, ratePerSecond })
  const toSlots = ({ client }: RedisDatabase) => {
    const leasesOf = createRedisLeases(client, { total: permits, leaseMs })
    const times = { leaseMs, holdMs: (holdMs * permits) / ratePerSecond }
    return (user: MailchimpUser) =>
      createSlots({ ...times, tryLease: leasesOf(user), total: permits, clock, random: Math.random })
  }
  return {
    oauth: createMailchimpOAuth({ ...mailchimp, dataCenterUrl, timeoutMs: 10_000, redaction, clock }),
    limiters: createLimiters({ allowanceOf: () => allowance, slotsOf: redis && toSlots(redis), clock }),
  }
}

export type Mailchimp = ReturnType<typeof createMailchimp>

export function toClientOptions({ config, redaction, observe, clock }: Shared) {
  const { mailchimp, cursorMarginS } = config
  return {
    apiUrl: mailchimp.apiUrl,
    listsPath: mailchimp.listsPath,
    timeoutMs: mailchimp.timeoutMs,
    clockMarginS: cursorMarginS,
    retryMs: mailchimp.retryS * 1000,
    nextTurn: createTurns(),
    redaction,
    clock,
    onEvent: (event: MailchimpEvent) => observe({ type: "mailchimp", event }),
  }
}
