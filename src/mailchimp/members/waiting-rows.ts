import { freeBytes } from "../../lib/free-bytes.ts"
import { type Clock, startTimer } from "../../lib/time.ts"
import type { Rows } from "./page.ts"

/** A page waits for less while its consumer reads. */
const MAX_WAIT_MS = 1000

/**
 * Rows that wait for their consumer. If no row is used within a second, because the consumer has stopped reading, their memory
 * is freed, and only the compressed body is kept, a tenth of it. With the first use they are inflated and split again.
 */
export function createWaitingRows(
  rows: Rows,
  body: { readonly compressed: Uint8Array; readonly splitAgain: () => Rows },
  clock: Clock,
): Rows {
  const { length, totalItems } = rows
  let current: Rows | undefined = rows
  let isWaiting = true
  const waiting = startTimer(MAX_WAIT_MS, clock, () => {
    current?.release()
    current = undefined
  })
  const endWait = () => {
    if (!isWaiting) return
    isWaiting = false
    waiting[Symbol.dispose]()
    freeBytes(body.compressed)
  }
  const begin = (): Rows => {
    if (!current && !isWaiting) throw new TypeError("Cannot read the rows of a page that was released")
    current ??= body.splitAgain()
    endWait()
    return current
  }
  // Each row calls it several times.
  const use = (): Rows => (isWaiting || !current ? begin() : current)
  return {
    length,
    totalItems,
    id: (index) => use().id(index),
    second: (index) => use().second(index),
    status: (index) => use().status(index),
    fingerprint: (index) => use().fingerprint(index),
    bytes: (start, end) => use().bytes(start, end),
    addIds: (sum, start, end) => use().addIds(sum, start, end),
    release: () => {
      endWait()
      current?.release()
    },
  }
}
