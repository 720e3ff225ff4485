import { anySignal } from "../lib/time.ts"

/** The pauses between the passes of a tail. */
export type Pauses = {
  /** Ends the pause. If a pass runs now, ends the pause after it, because the pass may have looked too early. */
  wake(): void
  /**
   * Waits until `wait` resolves or the tail is woken. If the pass before has read lists, or was itself woken, nothing wakes it, so
   * that a burst of deliveries is one pass.
   */
  pause(
    wait: (signal: AbortSignal) => Promise<void>,
    pass: { readonly hasRead: boolean; readonly signal: AbortSignal },
  ): Promise<void>
}

/** A constant, because aborting without a reason creates an exception with a stack each time. */
const WOKEN = "The tail was woken"

export function createPauses(): Pauses {
  let woken = new AbortController()
  let wasWoken = false

  return {
    wake: () => woken.abort(WOKEN),
    pause: async (wait, { hasRead, signal }) => {
      const mayWake = !hasRead && !wasWoken
      using either = mayWake ? anySignal(signal, woken.signal) : undefined
      wasWoken = false
      await wait(either?.signal ?? signal).catch((error: unknown) => {
        if (error !== WOKEN) throw error
        wasWoken = true
      })
      woken = new AbortController()
    },
  }
}
