/**
 * Shares the event loop fairly: each call resolves in a turn that no other call of the same `createTurns()` has, first come,
 * first served. Otherwise all pages that arrive in one turn are processed back to back in the next, blocking everything else:
 * with a hundred exports, a hundred pages in a row.
 */
export function createTurns(): () => Promise<void> {
  let last = Promise.resolve()
  return () => (last = last.then(() => new Promise((resolve) => setImmediate(resolve))))
}
