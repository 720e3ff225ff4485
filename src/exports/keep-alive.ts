import { type Clock, within } from "../lib/time.ts"

/** Proxies close an idle connection after half a minute or later. */
export const keepAliveMs = 10_000
/** Bun completes the response head with the first bytes of the body, so these must not wait long for the first row. */
const FIRST_BYTES_MS = 2000

/** Passes bytes on, and fills the pauses between them. */
export type KeepAlive = {
  write(bytes: Uint8Array): Generator<Uint8Array, void>
  /** The value of the promise. Until it settles, `fill` is called and its bytes are written whenever a pause is too long. */
  wait<T extends object>(promise: Promise<T>, fill: () => Uint8Array): AsyncGenerator<Uint8Array, T>
}

export function createKeepAlive(clock: Clock): KeepAlive {
  /** Pages without rows write nothing, however many arrive, so the time counts from the last bytes. */
  let silentAtMs = clock.monotonicMs() + FIRST_BYTES_MS

  function* write(bytes: Uint8Array) {
    if (bytes.length === 0) return
    yield bytes
    silentAtMs = clock.monotonicMs() + keepAliveMs
  }

  return {
    write,
    wait: async function* (promise, fill) {
      for (;;) {
        const value = await within(promise, Math.max(0, silentAtMs - clock.monotonicMs()), clock)
        if (value !== undefined) return value
        yield* write(fill())
        // Also if there was nothing to fill the pause with. Otherwise `fill` would be called again at once, without end.
        silentAtMs = clock.monotonicMs() + keepAliveMs
      }
    },
  }
}
