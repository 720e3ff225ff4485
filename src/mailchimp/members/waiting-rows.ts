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
  const use = (): Rows => {
    current ??= body.splitAgain()
    if (isWaiting) {
      isWaiting = false
      waiting[Symbol.dispose]()
      freeBytes(body.compressed)
    }
    return current
  }
  return {
    length,
    totalItems,
    id: (index) => use().id(index),
    second: (index) => use().second(index),
    status: (index) => use().status(index),
    fingerprint: (index) => use().fingerprint(index),
    bytes: (start, end) => use().bytes(start, end),
    addIds: (sum, start, end) => use().addIds(sum, start, end),
    release: () => use().release(),
  }
}
