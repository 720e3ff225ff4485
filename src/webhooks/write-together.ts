/**
 * Returns a function that writes an item together with all others that come in the same turn of the event loop, so that a
 * burst costs one sync to disk a turn instead of one an item. Rejects if the write fails.
 */
export function createWriteTogether<T>(
  write: (items: readonly T[]) => Promise<void>,
): (item: T) => Promise<void> {
  let next: { readonly items: T[]; readonly written: Promise<void> } | undefined

  const begin = () => {
    const items: T[] = []
    const turn = new Promise<void>((resolve) => setImmediate(resolve))
    const written = turn.then(() => {
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
