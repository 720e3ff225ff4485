import { type Clock, startTimer } from "../../lib/time.ts"

/** One of the slots of a Mailchimp user, which all processes share, for a limited time. */
export type Lease = {
  /** Resolves to false if the lease is lost. Rejects if the store of leases does not respond. */
  renew(): Promise<boolean>
  release(): Promise<void>
}

/** A leased slot: the right to one request. */
export type Slot = {
  /** Whether a request may start: other processes still count this lease. */
  isValid(): boolean
  /** A request starts. */
  start(): void
  /** Aborts when the lease is lost, because another process may use the slot from then on. */
  readonly lost: AbortSignal
  /**
   * The request has ended, or none has started. The slot is kept until `holdMs` after the start, so that as many requests start
   * in a second as there are slots, and until `notBeforeMs`.
   */
  end(notBeforeMs?: number): void
}

export type SlotTimes = {
  /** After how long a lease that is not renewed ends. */
  readonly leaseMs: number
  /** How long a slot is kept at least after a request has started. */
  readonly holdMs: number
}

/** @param leasedAtMs when the lease was requested, by the monotonic clock: time passes for a frozen process, too */
export function createSlot(
  lease: Lease,
  leasedAtMs: number,
  options: SlotTimes & { readonly clock: Clock; readonly onFree: () => void },
): Slot {
  const { leaseMs, holdMs, clock, onFree } = options
  const freed = new AbortController()
  const lost = new AbortController()
  let validFromMs = leasedAtMs
  let startedAtMs = -Infinity
  void keep().catch(() => {})

  const leftMs = () => validFromMs + leaseMs - clock.monotonicMs()

  return {
    isValid: () => !lost.signal.aborted && leftMs() > 0,
    start: () => {
      startedAtMs = clock.monotonicMs()
    },
    lost: lost.signal,
    end: (notBeforeMs = -Infinity) => {
      const heldMs = Math.max(startedAtMs + holdMs, notBeforeMs) - clock.monotonicMs()
      if (heldMs > 0) startTimer(heldMs, clock, free)
      else free()
    },
  }

  function free(): void {
    freed.abort("The slot is free")
    // A lease that cannot be released ends by itself.
    lease.release().catch(() => {})
    onFree()
  }

  /** Renews the lease by thirds of its time, until the slot is free or the lease is lost. */
  async function keep(): Promise<void> {
    for (;;) {
      await clock.sleep(
        Math.max(0, Math.min(leaseMs / 3, validFromMs + leaseMs - clock.monotonicMs())),
        freed.signal,
      )
      const requestedAtMs = clock.monotonicMs()
      if (requestedAtMs - validFromMs >= leaseMs) break
      const isRenewed = await lease.renew().catch(() => undefined)
      if (isRenewed === false) break
      if (isRenewed) validFromMs = requestedAtMs
    }
    lost.abort(new Error("The lease of the slot was lost"))
  }
}
