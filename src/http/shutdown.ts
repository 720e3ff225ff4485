import { AppError } from "../errors.ts"

/** The two steps in which a service stops: first it refuses new work, and later it aborts what still runs. */
export function createShutdown() {
  const drain = new AbortController()
  const shutdown = new AbortController()
  return {
    shutdownSignal: shutdown.signal,
    /** Aborts as soon as the service refuses new work: what never ends by itself must not delay the shutdown. */
    drainSignal: drain.signal,
    isDraining: () => drain.signal.aborted,
    /** Refuses new work from now on; running requests continue. */
    drain: () => drain.abort(draining()),
    /** Aborts the running exports and tells their consumers why. */
    abortExports: () => shutdown.abort(draining()),
  }
}

function draining(): AppError {
  return new AppError("draining", "Cannot continue the export because the service is shutting down")
}
