import type { Config } from "./config.ts"
import type { ForgetStep } from "./connections/disconnect.ts"
import { createShutdown } from "./http/shutdown.ts"
import type { Jobs } from "./jobs/jobs.ts"
import type { Redact } from "./lib/redaction.ts"
import { type Clock, systemClock } from "./lib/time.ts"
import { createLogger, type Logger } from "./observability/logger.ts"
import type { Observe } from "./observability/observe.ts"
import { noMessages } from "./storage/redis/messages.ts"
import { createReceiver } from "./webhooks/receive.ts"
import { createConnections } from "./services/connections.ts"
import { createExports } from "./services/exports.ts"
import { createFollow } from "./services/follow.ts"
import { createHttp } from "./services/http.ts"
import { startJobs } from "./services/jobs.ts"
import { createMailchimp } from "./services/mailchimp.ts"
import { createMetricsPage, createObservability } from "./services/observability.ts"
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
  const { observe, metrics, closeTraces } = await createObservability(config, logger, clock)
  const redis = await connectRedis(config.redisUrl, observe)
  const messages = redis?.messages ?? noMessages
  const shared = { config, sealer, redaction, observe, clock, messages }
  const shutdown = createShutdown()
  const storage = await createStorage(shared)
  const mailchimp = createMailchimp(shared, redis)
  const forgetJobs: ForgetStep = async (connection) => jobs?.forget(connection)
  const connections = createConnections(shared, { ...storage, forgetJobs }, mailchimp)
  const exports = createExports(shared, shutdown.shutdownSignal)
  const started = await startJobs(shared, storage, connections.openAccount)
  const jobs: Jobs | undefined = started.jobs
  const http = createHttp(shared)
  const limiterStates = mailchimp.limiters.states
  return {
    role: config.role,
    logger,
    observe,
    ...http,
    ...connections,
    ...started,
    receiver: createReceiver({ ...storage, clock, onEvent: observe }),
    ...exports,
    startFollow: createFollow(shared, {
      ...storage,
      ...connections,
      ...exports,
      drainSignal: shutdown.drainSignal,
    }),
    ...shutdown,
    limiterStates,
    metricsPage: createMetricsPage(config, metrics, {
      limiterStates,
      openExports: http.exportLimit.running,
      openFollowers: http.followerLimit.running,
      countOpenJobs: storage.jobs.countOpen,
      countJobWorkers: started.countJobWorkers,
      ping: storage.ping,
      isRedisUp: redis?.isUp,
      clock,
    }),
    ping: storage.ping,
    isRedisUp: redis?.isUp,
    /** Refuses new work from now on; running requests continue, and running jobs are handed back. */
    drain: () => {
      shutdown.drain()
      void jobs?.close()
    },
    close: async () => {
      await started.closeJobs()
      redis?.close()
      await closeTraces()
      await storage.close()
    },
  }
}

/** The driver of Redis takes 2 MB of memory, so it is loaded only if it is used. */
async function connectRedis(url: string | undefined, observe: Observe) {
  if (url === undefined) return undefined
  const { openRedis } = await import("./storage/redis/redis.ts")
  return openRedis(url, observe)
}
