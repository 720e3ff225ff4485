/** Longer than a sync to disk takes, and short compared with the time in which Mailchimp expects a response. */
const waitMs = 20

/**
 * Returns a function that writes an item together with all others of the next 20 ms. SQLite blocks the process during a sync
 * to disk, for 2 ms and more: a sync for each of 500 deliveries a second would leave no time for anything else. Rejects if
 * the write fails.
 */
export function createBatchWrites<T>(
  write: (items: readonly T[]) => Promise<void>,
): (item: T) => Promise<void> {
  let next: { readonly items: T[]; readonly written: Promise<void> } | undefined

  const begin = () => {
    const items: T[] = []
    const written = Bun.sleep(waitMs).then(() => {
      next = undefined
      return write(items)
    })
    return { items, written }
  }

  return (item) => {
    next ??= begin()
    next.items.push(item)
    return next.written
  }
}
