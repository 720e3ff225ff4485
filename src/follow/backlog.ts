import { abortable } from "../lib/time.ts"

/** A part of the stream that all followers of a tail receive. */
export type Item = {
  readonly bytes: Uint8Array
  /** Resumes after this item. */
  readonly cursor?: string | undefined
}

/** A follower's own place in the backlog. */
export type Reader = {
  /** Resolves to the next item, or to `behind` once. Rejects with the error of the tail, or with the signal's reason. */
  next(signal: AbortSignal): Promise<Item>
  leave(): void
}

/** This reader was so slow that the next item is gone. */
export const behind: Item = { bytes: new Uint8Array() }

export type Backlog = {
  /** A reader of everything that is pushed from now on. */
  attach(): Reader
  push(item: Item): void
  /** Resolves when the fastest reader has taken most of what was pushed. */
  room(signal: AbortSignal): Promise<void>
  /** Rejects for all readers, after they have taken what was pushed before. */
  fail(error: unknown): void
  readers(): number
}

/** How far a tail may be ahead of its fastest follower. */
const maxAheadBytes = 2 ** 20
/** How far a follower may be behind. One that is slower continues with an export of its own. */
const maxKeptBytes = 4 * 2 ** 20

/** What followers have not received yet: kept once for all of them, and bounded, however slow one of them is. */
export function createBacklog(): Backlog {
  const readers = new Set<{ takenBytes: number; next: number }>()
  let items: (Item & { readonly endBytes: number })[] = []
  let first = 0
  let pushedBytes = 0
  let failure: { readonly error: unknown } | undefined
  const pushed = createSignal()
  const taken = createSignal()

  const drop = (count: number) => {
    if (count <= 0) return
    items = items.slice(count)
    first += count
  }

  /** Forgets what every reader has taken, and what is too much to keep. */
  const trim = () => {
    const next = Math.min(first + items.length, ...[...readers].map((reader) => reader.next))
    drop(next - first)
    drop(items.findIndex(({ endBytes }) => pushedBytes - endBytes < maxKeptBytes))
  }

  return {
    attach: () => {
      const reader = { takenBytes: pushedBytes, next: first + items.length }
      readers.add(reader)
      return {
        next: async (signal) => {
          for (;;) {
            signal.throwIfAborted()
            if (reader.next < first) return behind
            const item = items[reader.next - first]
            if (item !== undefined) {
              reader.next += 1
              reader.takenBytes = item.endBytes
              trim()
              taken.notify()
              return item
            }
            if (failure !== undefined) throw failure.error
            await pushed.wait(signal)
          }
        },
        leave: () => {
          readers.delete(reader)
          trim()
          taken.notify()
        },
      }
    },

    push: (item) => {
      pushedBytes += item.bytes.length
      items.push({ ...item, endBytes: pushedBytes })
      trim()
      pushed.notify()
    },

    room: async (signal) => {
      const fastest = () => Math.max(...[...readers].map(({ takenBytes }) => takenBytes))
      while (readers.size > 0 && pushedBytes - fastest() > maxAheadBytes) await taken.wait(signal)
    },

    fail: (error) => {
      failure = { error }
      pushed.notify()
    },

    readers: () => readers.size,
  }
}

/** Something that happens again and again, and can be waited for. */
function createSignal() {
  let next = Promise.withResolvers<void>()
  return {
    notify: () => {
      next.resolve()
      next = Promise.withResolvers()
    },
    wait: (signal: AbortSignal) => abortable(next.promise, signal),
  }
}
