import { AppError } from "../errors.ts"

/** The two steps in which a service stops: first it refuses new work, and later it aborts what still runs. */
export function createShutdown() {
  const drain = new AbortController()
  const shutdown = new AbortController()
  return {
    shutdownSignal: shutdown.signal,
    isDraining: () => drain.signal.aborted,
    /** Refuses new work from now on; running requests continue. */
    drain: () => drain.abort(),
    /** Aborts the running exports and tells their consumers why. */
    abortExports: () =>
      shutdown.abort(
        new AppError("draining", "Cannot continue the export because the service is shutting down"),
      ),
  }
}
