/** How many rows to ask for at once. */
export type PageSize = {
  current(): number
  succeeded(): void
  /** A page of so many rows was too much for Mailchimp. */
  failed(count: number): void
}

const smallest = 10
const firstStreak = 10

/**
 * Halves when a page fails and doubles after a row of successes. A page that is too big may cost two minutes, so each
 * failure doubles the successes that it takes to try a bigger one again.
 */
export function createPageSize(largest: number): PageSize {
  let size = largest
  let streak = 0
  let streakNeeded = firstStreak

  return {
    current: () => size,
    succeeded: () => {
      streak += 1
      if (streak < streakNeeded || size === largest) return
      size = Math.min(largest, size * 2)
      streak = 0
    },
    failed: (count) => {
      streak = 0
      // Pages under way together fail together, and those that were bigger than the present size are history.
      if (count > size || count <= smallest) return
      size = Math.max(smallest, Math.floor(count / 2))
      streakNeeded *= 2
    },
  }
}
