/**
 * Yields the same items, but requests the next item while the current one is processed; otherwise lazy. A consumer that
 * stops early must first abort the signal that the items are read with, or else it waits for the requested item.
 */
export async function* readAhead<T>(items: AsyncGenerator<T>): AsyncGenerator<T> {
  let next = items.next()
  try {
    for (let item = await next; !item.done; item = await next) {
      next = items.next()
      // The consumer receives a failure when it pulls that item; if it has left, the failure is ignored.
      next.catch(() => {})
      yield item.value
    }
  } finally {
    await items.return(undefined)
  }
}
