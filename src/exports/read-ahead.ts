/**
 * The same items, with the next one asked for while the last one is used. Lazy up to that one. Who leaves early aborts
 * what the items are read with before he does, or else he waits for the item that was asked for.
 */
export async function* readAhead<T>(items: AsyncGenerator<T>): AsyncGenerator<T> {
  let next = items.next()
  try {
    for (let item = await next; !item.done; item = await next) {
      next = items.next()
      // A failure is the consumer's when he asks for that item, and nobody's when he has left.
      next.catch(() => {})
      yield item.value
    }
  } finally {
    await items.return(undefined)
  }
}
