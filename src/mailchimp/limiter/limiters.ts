import { type Clock, systemClock } from "../../lib/time.ts"
import { type Allowance, createFixedAllowance } from "./allowance.ts"
import type { Slots } from "./slots.ts"
import { createLimiter, type Flow, type Limiter, type LimiterState } from "./limiter.ts"

/** Mailchimp limits each of its users, whichever of this service's connections a request is for. */
export type MailchimpUser = { readonly dc: string; readonly userId: string }

export type Limiters = {
  /** Joins the limiter of a Mailchimp user. The flow must leave it again. */
  join(user: MailchimpUser): Flow
  /** The state of every limiter, for metrics. */
  states(): readonly LimiterState[]
}

/**
 * The limiters of this process, one per Mailchimp user. A limiter is kept while it is used, and then until it has rested:
 * otherwise a hundred short exports in a row would each begin with a full bucket.
 */
export function createLimiters(
  options: {
    readonly allowanceOf?: (user: MailchimpUser) => Allowance
    /** If several processes share the limits of each user. */
    readonly slotsOf?: ((user: MailchimpUser) => Slots) | undefined
    readonly clock?: Clock
  } = {},
): Limiters {
  const { allowanceOf = () => createFixedAllowance(), slotsOf, clock = systemClock } = options
  const limiterByUser = new Map<string, Limiter>()

  return {
    join: (user) => {
      for (const [key, limiter] of limiterByUser) {
        if (!limiter.isRested()) continue
        limiterByUser.delete(key)
        limiter[Symbol.dispose]()
      }
      const key = `${user.dc}:${user.userId}`
      const limiter =
        limiterByUser.get(key) ??
        createLimiter({ allowance: allowanceOf(user), slots: slotsOf?.(user), clock })
      limiterByUser.set(key, limiter)
      return limiter.join()
    },
    states: () => [...limiterByUser.values()].map((limiter) => limiter.state()),
  }
}
