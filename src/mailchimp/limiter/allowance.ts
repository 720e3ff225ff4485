/**
 * What this process may use of one Mailchimp user's limits. Both numbers are local: reading them never waits, because
 * {@link Flow.spare} reads them for each request.
 */
export type Allowance = {
  /** Simultaneous connections: Mailchimp allows ten per user, and responds with 429 beyond. */
  permits(): number
  /** How many requests may start in a second. As many may start at once after a rest. */
  ratePerSecond(): number
  /** Calls listeners in the order in which they were added after either number changed, until the result is disposed of. */
  onChange(listener: () => void): Disposable
}

/** An allowance that never changes: this process alone uses the user's limits, or has a fixed share of them. */
export function createFixedAllowance(
  options: { readonly permits?: number; readonly ratePerSecond?: number } = {},
): Allowance {
  const { permits = 10, ratePerSecond = 10 } = options
  return {
    permits: () => permits,
    ratePerSecond: () => ratePerSecond,
    onChange: () => ({ [Symbol.dispose]: () => {} }),
  }
}
