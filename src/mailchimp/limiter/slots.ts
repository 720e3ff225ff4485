import { type Clock, startTimer } from "../../lib/time.ts"
import { createSlot, type Lease, type Slot, type SlotTimes } from "./slot.ts"

/** A Mailchimp user's limits, if several processes share them: each request needs a slot, leased from all processes. */
export type Slots = Disposable & {
  /** Leases slots for this many waiting requests, one after another. With 0, slots that were not used are released. */
  want(requests: number): void
  hasReady(): boolean
  /** Takes a slot that is ready, for a request that starts now. */
  take(): Slot | undefined
  /**
   * How many requests of this process may probably be in progress: as many as it could lease slots for lately, and one more while
   * slots are not refused.
   */
  allowed(): number
  /** Slots leased now, also those that are kept after their request. */
  held(): number
  /** Calls the listener after a slot was leased: `allowed()` may be higher. */
  onLeased(listener: () => void): Disposable
}

export type SlotsOptions = SlotTimes & {
  /** Resolves to undefined if all slots are leased. Rejects if the store of leases does not respond. */
  readonly tryLease: () => Promise<Lease | undefined>
  /** The slots of all processes. */
  readonly total: number
  readonly clock: Clock
  /** From 0 to 1. */
  readonly random: () => number
}

/** The pause before the next attempt is this for itself, for each slot held, and at random. */
const pauseMs = 4
/** The pause after a slot of this process was released: another process may take it first. */
const releasedPauseMs = 8
const unreachablePauseMs = 250

/** The lease of a process that cannot reach the store: nothing has to be renewed or released. */
const localLease: Lease = { renew: async () => true, release: async () => {} }

/**
 * The more slots a process holds, the longer it waits before it tries to lease another, so processes with equal work get equal
 * shares.
 *
 * If the store of leases does not respond, nothing new is leased. Once every lease has ended, each process continues with one slot
 * of its own: one request a second, one at a time.
 */
export function createSlots(options: SlotsOptions): Slots {
  const { tryLease, total, leaseMs, clock, random } = options
  const ready: Slot[] = []
  const listeners = new Set<() => void>()
  const pause = createPause(clock)
  let wanted = 0
  let held = 0
  let allowed = total
  let isLeasing = false
  let wasRefused = false
  let unreachableSinceMs: number | undefined
  let hasLocal = false

  const hasReady = () => {
    while (ready[0]?.isValid() === false) ready.shift()?.end()
    return ready.length > 0
  }

  const want = (requests: number) => {
    wanted = requests
    if (requests === 0) for (const slot of ready.splice(0)) slot.end()
    else if (!isLeasing) void lease()
  }

  return {
    want,
    hasReady,
    take: () => {
      const slot = ready.shift()
      slot?.start()
      return slot
    },
    allowed: () => allowed,
    held: () => held,
    onLeased: (listener) => {
      listeners.add(listener)
      return { [Symbol.dispose]: () => void listeners.delete(listener) }
    },
    [Symbol.dispose]: () => want(0),
  }

  async function lease(): Promise<void> {
    isLeasing = true
    while (wanted > ready.length) {
      // A process that has all slots itself competes with nobody yet: it waits until it releases one.
      const ms = held >= total ? Infinity : await leaseOne()
      if (ms > 0) await pause.wait(ms)
    }
    isLeasing = false
  }

  /** Resolves to the pause before the next attempt. */
  async function leaseOne(): Promise<number> {
    const requestedAtMs = clock.monotonicMs()
    try {
      const lease = await tryLease()
      unreachableSinceMs = undefined
      const isRefused = lease === undefined
      const ms = isRefused || wasRefused ? pauseMs * (1 + held + random()) : 0
      wasRefused = isRefused
      if (lease) add(lease, requestedAtMs)
      else allowed = Math.max(1, held)
      return ms
    } catch {
      unreachableSinceMs ??= requestedAtMs
      allowed = Math.max(1, held)
      if (!hasLocal && clock.monotonicMs() - unreachableSinceMs >= leaseMs) {
        hasLocal = true
        add(localLease, clock.monotonicMs(), () => (hasLocal = false))
      }
      return unreachablePauseMs
    }
  }

  function add(lease: Lease, leasedAtMs: number, onFree = () => {}): void {
    held += 1
    const onSlotFree = () => {
      held -= 1
      onFree()
      pause.shorten(releasedPauseMs)
    }
    ready.push(createSlot(lease, leasedAtMs, { ...options, onFree: onSlotFree }))
    allowed = Math.min(total, Math.max(allowed, held + 1))
    for (const listener of listeners) listener()
    if (wanted === 0) want(0)
  }
}

/** A pause that can be shortened while it lasts. */
function createPause(clock: Clock) {
  let shorten: ((ms: number) => void) | undefined
  return {
    wait: (ms: number) =>
      new Promise<void>((resolve) => {
        let untilMs = Infinity
        let timer: Disposable | undefined
        shorten = (ms) => {
          if (clock.monotonicMs() + ms >= untilMs) return
          timer?.[Symbol.dispose]()
          untilMs = clock.monotonicMs() + ms
          timer = startTimer(ms, clock, resolve)
        }
        shorten(ms)
      }),
    shorten: (ms: number) => shorten?.(ms),
  }
}
