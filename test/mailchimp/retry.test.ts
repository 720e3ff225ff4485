import { describe, expect, test } from "bun:test"
import { AppError } from "../../src/errors.ts"
import { MailchimpError, type MailchimpErrorKind } from "../../src/mailchimp/errors.ts"
import { retry, type RetryEvent } from "../../src/mailchimp/retry.ts"
import { createVirtualClock } from "../support/virtual-clock.ts"

const fail = (kind: MailchimpErrorKind, retryAfterMs?: number) =>
  new MailchimpError(kind, "Cannot", { retryAfterMs })

/** Runs attempts that fail with the given errors, then succeed. */
async function run(
  failures: readonly Error[],
  options: {
    deadlineMs?: number
    random?: number
    attemptMs?: number
    isEased?: (made: number) => boolean
  } = {},
) {
  const clock = createVirtualClock()
  const events: RetryEvent[] = []
  const startedMs: number[] = []
  const attempt = async () => {
    startedMs.push(clock.monotonicMs())
    if (options.attemptMs !== undefined) await clock.sleep(options.attemptMs)
    const failure = failures[startedMs.length - 1]
    if (failure !== undefined) throw failure
    return "value"
  }
  const result = retry(attempt, {
    leftMs: () => (options.deadlineMs ?? 600_000) - clock.monotonicMs(),
    signal: new AbortController().signal,
    clock,
    random: () => options.random ?? 0.999_999,
    onRetry: (event) => events.push(event),
    isEased: () => options.isEased?.(startedMs.length) ?? false,
  }).catch((error: unknown) => error)
  return { result: await clock.settle(result), events, startedMs, sleepers: clock.sleepers() }
}

const manyErrors = (kind: MailchimpErrorKind) => Array.from({ length: 1000 }, () => fail(kind))

describe("retry()", () => {
  test("returns the first value, and reports each failure", async () => {
    const { result, events } = await run([fail("server_error"), fail("connection_failed")], { random: 0.5 })
    expect(result).toBe("value")
    expect(events).toEqual([
      { type: "retry", kind: "server_error", attempt: 1, delayMs: 250 },
      { type: "retry", kind: "connection_failed", attempt: 2, delayMs: 500 },
    ])
  })

  test("doubles the pauses up to 30 s, with full jitter: any time from zero to that", async () => {
    const failures = manyErrors("server_error").slice(0, 9)
    const longest = (await run(failures)).events.map(({ delayMs }) => delayMs)
    expect(longest).toEqual([500, 1000, 2000, 4000, 8000, 16_000, 30_000, 30_000, 30_000])
    const shortest = (await run(failures, { random: 0 })).events.map(({ delayMs }) => delayMs)
    expect(new Set(shortest)).toEqual(new Set([0]))
  })

  test("starts from a short pause again if the next attempt requests less", async () => {
    const failures = manyErrors("server_error").slice(0, 6)
    const { events } = await run(failures, { isEased: (made) => made === 3 || made === 4 })
    expect(events.map(({ delayMs }) => delayMs)).toEqual([500, 1000, 500, 500, 1000, 2000])
    expect(events.map(({ attempt }) => attempt)).toEqual([1, 2, 3, 4, 5, 6])
  })

  test("requests less at once after a response that was too large, and pauses if it cannot request less", async () => {
    const failures = manyErrors("too_large").slice(0, 4)
    const { events } = await run(failures, { isEased: (made) => made <= 2 })
    expect(events.map(({ delayMs }) => delayMs)).toEqual([0, 0, 1000, 2000])
    const rest = await run([fail("timed_out")], { random: 0, isEased: () => true })
    expect(rest.events).toMatchObject([{ delayMs: 1000 }])
  })

  test.each(["timed_out", "throttled"] as const)("never retries at once after %s", async (kind) => {
    const { events } = await run([fail(kind)], { random: 0 })
    expect(events).toMatchObject([{ delayMs: 1000 }])
  })

  test("pauses between responses that a user is disabled, so that three of them take ten seconds", async () => {
    const failures = [fail("user_disabled"), fail("user_disabled")]
    expect((await run(failures, { random: 0 })).startedMs).toEqual([0, 5050, 10_100])
  })

  test("waits as long as Retry-After says, or longer if the jitter is longer", async () => {
    expect((await run([fail("throttled", 20_000)], { random: 0 })).startedMs).toEqual([0, 20_000])
    expect((await run([fail("server_error", 100)])).startedMs).toEqual([0, 500])
  })

  test("gives up with the last error if the deadline leaves no time for another attempt", async () => {
    const failures = manyErrors("server_error")
    const { result, startedMs } = await run(failures, { deadlineMs: 30_000 })
    expect(result).toBe(failures[startedMs.length - 1])
    expect(startedMs.at(-1)).toBeLessThanOrEqual(30_000)
    expect(startedMs).toEqual([0, 500, 1500, 3500, 7500, 15_500])
  })

  test("gives up at once if Retry-After is beyond the deadline", async () => {
    const failure = fail("throttled", 31_000)
    const { result, startedMs } = await run([failure], { deadlineMs: 30_000 })
    expect([result, startedMs]).toEqual([failure, [0]])
  })

  test("does not abort an attempt in progress at the deadline", async () => {
    expect((await run([], { deadlineMs: 30_000, attemptMs: 100_000 })).result).toBe("value")
  })

  test.each(["token_revoked", "account_disabled", "forbidden", "not_found", "rejected"] as const)(
    "does not retry after a final error: %s",
    async (kind) => {
      const failure = fail(kind)
      const { result, startedMs } = await run([failure])
      expect([result, startedMs]).toEqual([failure, [0]])
    },
  )

  test("does not retry after an error that is not Mailchimp's", async () => {
    for (const failure of [new TypeError("a bug"), new AppError("database_unavailable", "Cannot")]) {
      expect(await run([failure])).toMatchObject({ result: failure, startedMs: [0] })
    }
  })

  test("an abort ends a pause at once, with the signal's reason, and leaves no timer", async () => {
    const clock = createVirtualClock()
    const controller = new AbortController()
    let attempts = 0
    const result = retry(
      () => {
        attempts += 1
        return Promise.reject(fail("timed_out"))
      },
      { leftMs: () => 600_000, signal: controller.signal, clock, random: Math.random },
    ).catch((error: unknown) => error)
    await clock.advance(0)
    expect(clock.sleepers()).toBe(1)
    controller.abort("left")
    expect([await result, attempts, clock.sleepers()]).toEqual(["left", 1, 0])
  })

  test("an attempt that fails because of the abort rejects with the signal's reason", async () => {
    const controller = new AbortController()
    const attempt = () => {
      controller.abort("left")
      return Promise.reject(fail("connection_failed"))
    }
    const options = {
      leftMs: () => 1,
      signal: controller.signal,
      clock: createVirtualClock(),
      random: Math.random,
    }
    expect(await retry(attempt, options).catch((error: unknown) => error)).toBe("left")
  })
})
