import { type Clock, within } from "../../lib/time.ts"
import type { LimiterState } from "../../mailchimp/limiter/limiter.ts"
import type { Instruments } from "./instruments.ts"

/** What is read from the service for each scrape. */
export type Readings = {
  readonly limiterStates: () => readonly LimiterState[]
  /** Exports and slices that callers read now. */
  readonly openExports: () => number
  readonly openFollowers: () => number
  /** The jobs in the database that have not ended. */
  readonly countOpenJobs: () => Promise<Readonly<Record<"queued" | "running", number>>>
  /** The processes that run jobs. Undefined unless Redis distributes them. */
  readonly countJobWorkers?: (() => Promise<number>) | undefined
  /** Rejects if the database does not respond. */
  readonly ping: () => Promise<void>
  /** Undefined without REDIS_URL. */
  readonly isRedisUp: (() => Promise<boolean>) | undefined
  readonly clock: Clock
}

/** A database that hangs must not hang the scrape. */
const databaseWithinMs = 1000

export function createGauges({ reading, readings }: Instruments, service: Readings): void {
  const { limiterStates, openExports, openFollowers, countOpenJobs, countJobWorkers } = service
  const { ping, isRedisUp, clock } = service
  const sum = (number: (state: LimiterState) => number) =>
    limiterStates().reduce((total, state) => total + number(state), 0)
  const users = (isCounted: (state: LimiterState) => boolean) => sum((state) => Number(isCounted(state)))

  reading("exports_open", "Exports and slices that callers read now", openExports)
  reading("followers_open", "Followers, each a response that stays open", openFollowers)
  readings("jobs_open", "Jobs in the database that have not ended, by state", "state", () =>
    within(
      countOpenJobs().catch(() => undefined),
      databaseWithinMs,
      clock,
    ),
  )
  reading("job_workers", "Processes that run jobs; missing unless Redis distributes them", async () =>
    countJobWorkers === undefined
      ? undefined
      : within(
          countJobWorkers().catch(() => undefined),
          databaseWithinMs,
          clock,
        ),
  )
  reading("database_up", "1 if the database responds within a second, else 0", async () =>
    Number(
      (await within(
        ping().then(
          () => true,
          () => false,
        ),
        databaseWithinMs,
        clock,
      )) ?? false,
    ),
  )
  reading("redis_up", "1 if Redis responds within a second, else 0; missing without REDIS_URL", async () =>
    isRedisUp === undefined ? undefined : Number(await isRedisUp()),
  )
  readings(
    "upstream_permits",
    "Connections to Mailchimp, of all Mailchimp users in use: held by a request, kept after a time-out, or free",
    "state",
    () => ({
      in_use: sum(({ inUse }) => inUse),
      kept: sum(({ kept }) => kept),
      free: sum(({ permits, inUse, kept }) => Math.max(0, permits - inUse - kept)),
    }),
  )
  reading("upstream_requests_waiting", "Requests that wait for a permit or the rate limit", () =>
    sum(({ waiting }) => waiting),
  )
  readings(
    "upstream_users",
    "Mailchimp users in use: all, those that have a request waiting, those that are paused because Mailchimp throttles or blocks, and those that keep permits after time-outs",
    "state",
    () => ({
      all: users(() => true),
      waiting: users(({ waiting }) => waiting > 0),
      paused: users(({ pausedMs }) => pausedMs > 0),
      timing_out: users(({ kept }) => kept > 0),
    }),
  )
}
