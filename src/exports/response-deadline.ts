import type { Clock } from "../lib/time.ts"

/** How long requests to Mailchimp are retried before our response begins: as long as a person, or a proxy, would wait. */
export const beforeResponseMs = 30_000

/** Bounds the retries of requests until a response begins. Later requests are retried as long as any other. */
export function createResponseDeadline(clock: Pick<Clock, "monotonicMs">) {
  const endsMs = clock.monotonicMs() + beforeResponseMs
  let hasBegun = false
  return {
    /** How much longer a request may be retried; undefined if it has the client's own limit. */
    leftMs: () => (hasBegun ? undefined : Math.max(0, endsMs - clock.monotonicMs())),
    responseBegins: () => void (hasBegun = true),
  }
}
