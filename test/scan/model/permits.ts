import type { Random } from "./random.ts"
import type { VirtualTime } from "./virtual-time.ts"

/** How many requests a Mailchimp serves at once, and how many of them this process may make. */
export type ModelPermits = {
  /** Returns nothing if a permit is free, so that the caller continues at once. */
  acquire(): Promise<void> | undefined
  release(): void
  spare(): number
  onSpare(listener: () => void): Disposable
}

/** Undefined if this process has all permits; otherwise other processes take and return them, at random. */
export type Sharing = { readonly random: Random } | undefined

/**
 * With others, `spare()` is an estimate: it begins at one, grows by one when a request gets a permit, and shrinks to what
 * this process has when a request gets none. Listeners are called 2 ms after it has grown.
 */
export function createModelPermits(total: number, sharing: Sharing, time: VirtualTime): ModelPermits {
  const queue: (() => void)[] = []
  const listeners = new Set<() => void>()
  let busy = 0
  let others = 0
  let estimate = sharing ? 1 : total
  if (sharing) takeAndReturn(sharing.random)

  return {
    acquire: () => {
      let isServed = false
      const { promise, resolve } = Promise.withResolvers<void>()
      queue.push(() => {
        isServed = true
        resolve()
      })
      serve()
      return isServed ? undefined : promise
    },
    release: () => {
      busy -= 1
      serve()
    },
    spare: () => Math.max(0, estimate - busy - queue.length),
    onSpare: (listener) => {
      listeners.add(listener)
      return { [Symbol.dispose]: () => listeners.delete(listener) }
    },
  }

  function serve() {
    while (queue.length > 0 && busy + others < total) {
      busy += 1
      queue.shift()?.()
      if (estimate <= busy && busy < total) grow()
    }
    if (queue.length > 0) estimate = Math.max(1, busy)
  }

  function grow() {
    estimate = busy + 1
    time.at(time.now() + 0.002, () => {
      for (const listener of listeners) listener()
      return true
    })
  }

  function takeAndReturn(random: Random) {
    others = random.int(0, total - 1)
    serve()
    time.at(time.now() + random.between(0, 5), () => {
      takeAndReturn(random)
      return true
    })
  }
}
