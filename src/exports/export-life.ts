import type { Account } from "../connections/open-account.ts"
import type { Clock } from "../lib/time.ts"
import type { ExportEvent, StreamEnd } from "./export-event.ts"

/** The life of one export: it begins once, ends once, and then releases its account. */
export type ExportLife = {
  /** The first byte is requested: from now on the generator of the bytes reports the end. */
  started(): void
  end(how: StreamEnd): void
  /** The export failed before its first byte, or its consumer left meanwhile. */
  refused(error: unknown): void
  /** The generator is ready. If it never starts, because the consumer has left, the signal ends the export. */
  ready(): void
}

export function beginLife(
  account: Pick<Account, "connection" | "usage" | typeof Symbol.dispose>,
  options: {
    readonly signal: AbortSignal
    readonly onEvent: (event: ExportEvent) => void
    readonly clock: Clock
  },
): ExportLife {
  const { signal, onEvent, clock } = options
  const startedMs = clock.monotonicMs()
  let hasStarted = false
  let hasEnded = false

  const onAbort = () => (hasStarted ? release() : end({ type: "left", rows: 0, bytes: 0 }))
  const release = () => {
    signal.removeEventListener("abort", onAbort)
    account[Symbol.dispose]()
  }
  const end = (how: StreamEnd) => {
    release()
    if (hasEnded) return
    hasEnded = true
    const durationMs = clock.monotonicMs() - startedMs
    onEvent({ ...how, usage: { connectionId: account.connection.id, durationMs, ...account.usage() } })
  }

  onEvent({ type: "begins" })
  return {
    started: () => {
      hasStarted = true
    },
    end,
    refused: (error) =>
      end({ ...(signal.aborted ? { type: "left" } : { type: "refused", error }), rows: 0, bytes: 0 }),
    ready: () => signal.addEventListener("abort", onAbort, { once: true }),
  }
}
