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
  next(): Promise<Item>
  leave(): void
}

/** This reader was so slow that the next item is gone. */
export const behind: Item = { bytes: new Uint8Array() }

export type Backlog = {
  /** A reader of everything that is pushed from now on. Its waits end when the signal aborts. */
  attach(signal: AbortSignal): Reader
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

/** An item that is kept. `missing` is how many readers have not taken it. */
type Kept = Item & { readonly endBytes: number; missing: number }

/** How far a reader has come, and what lets it continue if it waits. */
type Place = { next: number; takenBytes: number; resume: () => void }

/** What followers have not received yet: kept once for all of them, and bounded, however slow one of them is. */
export function createBacklog(): Backlog {
  const places = new Set<Place>()
  const items: Kept[] = []
  let first = 0
  let pushedBytes = 0
  let failure: { readonly error: unknown } | undefined
  const taken = createSignal()

  /** Every reader has taken the item, or it is too much to keep. */
  const isOver = ({ missing, endBytes }: Kept) => missing <= 0 || pushedBytes - endBytes >= maxKeptBytes

  const trim = () => {
    while (items[0] !== undefined && isOver(items[0])) {
      items.shift()
      first += 1
    }
  }

  const resumeAll = () => {
    for (const { resume } of places) resume()
  }

  /** Takes the next item of a reader, if there is one. */
  const take = (place: Place): Item | undefined => {
    if (place.next < first) return behind
    const item = items[place.next - first]
    if (item === undefined) return undefined
    place.next += 1
    place.takenBytes = item.endBytes
    item.missing -= 1
    trim()
    taken.notify()
    return item
  }

  return {
    attach: (signal) => {
      const place: Place = { next: first + items.length, takenBytes: pushedBytes, resume: () => {} }
      const onAbort = () => place.resume()
      places.add(place)
      signal.addEventListener("abort", onAbort, { once: true })
      return {
        next: async () => {
          for (;;) {
            signal.throwIfAborted()
            const item = take(place)
            if (item !== undefined) return item
            if (failure !== undefined) throw failure.error
            await new Promise<void>((resolve) => (place.resume = resolve))
          }
        },
        leave: () => {
          signal.removeEventListener("abort", onAbort)
          places.delete(place)
          for (const item of items.slice(Math.max(0, place.next - first))) item.missing -= 1
          trim()
          taken.notify()
        },
      }
    },

    push: (item) => {
      pushedBytes += item.bytes.length
      items.push({ ...item, endBytes: pushedBytes, missing: places.size })
      trim()
      resumeAll()
    },

    room: async (signal) => {
      const fastest = () => Math.max(...[...places].map(({ takenBytes }) => takenBytes))
      while (places.size > 0 && pushedBytes - fastest() > maxAheadBytes) await taken.wait(signal)
    },

    fail: (error) => {
      failure = { error }
      resumeAll()
    },

    readers: () => places.size,
  }
}

/** Something that happens again and again, and can be waited for. */
function createSignal() {
  let next: PromiseWithResolvers<void> | undefined
  return {
    notify: () => {
      next?.resolve()
      next = undefined
    },
    wait: (signal: AbortSignal) => {
      next ??= Promise.withResolvers()
      return abortable(next.promise, signal)
    },
  }
}
