import type { Config } from "./config.ts"
import { type ForgetStep } from "./connections/disconnect.ts"
import { createShutdown } from "./http/shutdown.ts"
import { type Jobs } from "./jobs/jobs.ts"
import { type Redact } from "./lib/redaction.ts"
import { type Clock, systemClock } from "./lib/time.ts"
import { logEvents } from "./observability/log-events.ts"
import { createLogger, type Logger } from "./observability/logger.ts"
import { createReceiver } from "./webhooks/receive.ts"
import { createConnections } from "./services/connections.ts"
import { createExports } from "./services/exports.ts"
import { createFollow } from "./services/follow.ts"
import { createHttp } from "./services/http.ts"
import { startJobs } from "./services/jobs.ts"
import { createMailchimp } from "./services/mailchimp.ts"
import { createSecrets, createStorage } from "./services/storage.ts"

/** What is built once and lives as long as the service. */
export type Services = Awaited<ReturnType<typeof createServices>>

/** The composition root: builds everything from the configuration, by name. Nothing is read or started elsewhere. */
export async function createServices(
  config: Config,
  overrides: { readonly clock?: Clock; readonly toLogger?: (redact: Redact) => Logger } = {},
) {
  const { clock = systemClock, toLogger = (redact) => createLogger(config.logLevel, undefined, redact) } =
    overrides
  const { sealer, redaction } = createSecrets(config, clock)
  const logger = toLogger(redaction.redact)
  const observe = logEvents(logger)
  const shared = { config, sealer, redaction, observe, clock }
  const shutdown = createShutdown()
  const storage = await createStorage(shared)
  const mailchimp = createMailchimp(shared)
  const forgetJobs: ForgetStep = async (connection) => jobs?.forget(connection)
  const connections = createConnections(shared, { ...storage, forgetJobs }, mailchimp)
  const exports = createExports(shared, shutdown.shutdownSignal)
  const jobs: Jobs | undefined = startJobs(shared, storage, connections.openAccount)
  return {
    logger,
    observe,
    ...createHttp(shared),
    ...connections,
    jobs,
    receiver: createReceiver({ ...storage, clock, onEvent: observe }),
    ...exports,
    startFollow: createFollow(shared, {
      ...storage,
      ...connections,
      ...exports,
      drainSignal: shutdown.drainSignal,
    }),
    ...shutdown,
    limiterStates: mailchimp.limiters.states,
    ping: storage.ping,
    /** Refuses new work from now on; running requests continue, and running jobs are handed back. */
    drain: () => {
      shutdown.drain()
      void jobs?.close()
    },
    close: async () => {
      await jobs?.close()
      await storage.close()
    },
  }
}
