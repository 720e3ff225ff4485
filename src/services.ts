import { dirname, join } from "node:path"
import type { Config } from "./config.ts"
import { createConnectionCache } from "./connections/connection-cache.ts"
import { createConnectionWatch } from "./connections/connection-watch.ts"
import type { Owner } from "./connections/connection.ts"
import { createOpenDetached } from "./connections/detached-client.ts"
import { createDisconnect, type ForgetStep } from "./connections/disconnect.ts"
import { createFinishAuthorization } from "./connections/finish-authorization.ts"
import { parseForwardUrl } from "./connections/forward-url.ts"
import { requireConnection, requireLiveConnection } from "./connections/live-connection.ts"
import { createOpenAccount, type OpenAccount } from "./connections/open-account.ts"
import { createStartAuthorization } from "./connections/start-authorization.ts"
import { createCheckCursor } from "./exports/check-cursor.ts"
import { createReadLists } from "./exports/read-lists.ts"
import { createStartExport } from "./exports/start-export.ts"
import { createVerifier } from "./http/authenticate.ts"
import { createExportSlots } from "./http/export-slots.ts"
import { createShutdown } from "./http/shutdown.ts"
import { createLoginCookie, noLoginCookie } from "./http/login-cookie.ts"
import { createJobs, type Jobs } from "./jobs/jobs.ts"
import { createFolder } from "./jobs/parts/files.ts"
import { createRedaction, type Redact, type Redaction } from "./lib/redaction.ts"
import { type Clock, createTurns, systemClock } from "./lib/time.ts"
import type { MailchimpEvent } from "./mailchimp/client.ts"
import { createFixedAllowance } from "./mailchimp/limiter/allowance.ts"
import { createLimiters } from "./mailchimp/limiter/limiters.ts"
import type { MailchimpList } from "./mailchimp/lists/lists.ts"
import { createMailchimpOAuth } from "./mailchimp/oauth.ts"
import { logEvents } from "./observability/log-events.ts"
import { createLogger, type Logger } from "./observability/logger.ts"
import type { Observe } from "./observability/observe.ts"
import { createSealer, type Sealer } from "./sealer.ts"
import { readKeyFile } from "./storage/key-file.ts"
import { createFindConnectionId, createSealedConnections } from "./storage/sealed-connections.ts"
import { createSealedWebhooks } from "./storage/sealed-webhooks.ts"
import { openStorage, type Storage } from "./storage/storage.ts"
import { isLoopbackUrl, isPublicUrl } from "./webhooks/public-url.ts"
import { createReceiver } from "./webhooks/receive.ts"
import { createRemoveWebhooks } from "./webhooks/remove-webhooks.ts"
import { createSubscriptions } from "./webhooks/subscribe.ts"

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
  const jobs: Jobs | undefined = startJobs(shared, storage, connections.openAccount)
  return {
    logger,
    observe,
    ...createHttp(shared),
    ...connections,
    jobs,
    receiver: createReceiver({ ...storage, clock, onEvent: observe }),
    ...createExports(shared, shutdown.shutdownSignal),
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

/** What most of the services need. */
type Shared = {
  readonly config: Config
  readonly sealer: Sealer
  readonly redaction: Redaction
  readonly observe: Observe
  readonly clock: Clock
}

function createSecrets({ tokenKeys, sqlitePath, secrets }: Config, clock: Clock) {
  const [firstKey = readKeyFile(join(dirname(sqlitePath), "token.key")), ...olderKeys] = tokenKeys ?? []
  const keys = [firstKey, ...olderKeys] as const
  const texts = keys.map(({ key }) => Buffer.from(key).toString("base64"))
  return { sealer: createSealer(keys), redaction: createRedaction([...secrets, ...texts], clock) }
}

async function createStorage({ config, sealer, observe, clock }: Shared) {
  const { deliveryRetentionS } = config
  const storage = await openStorage({ ...config.storage, deliveryRetentionS, clock })
  return {
    ...storage,
    connections: createSealedConnections(storage.connections, sealer, { onEvent: observe }),
    findConnectionId: createFindConnectionId(storage.connections),
    webhooks: createSealedWebhooks(storage.webhooks, sealer),
  }
}

function createMailchimp({ config: { mailchimp }, redaction, clock }: Shared) {
  const {
    datacenterUrl: dataCenterUrl,
    maxConnections: permits,
    requestsPerSecond: ratePerSecond,
  } = mailchimp
  const allowance = createFixedAllowance({ permits, ratePerSecond })
  return {
    oauth: createMailchimpOAuth({ ...mailchimp, dataCenterUrl, timeoutMs: 10_000, redaction, clock }),
    limiters: createLimiters({ allowanceOf: () => allowance, clock }),
  }
}

type Mailchimp = ReturnType<typeof createMailchimp>

function createHttp({ config, clock }: Shared) {
  const { publicUrl, mailchimp } = config
  // The URL at which browsers reach this service, and the one to which Mailchimp redirects them.
  const hosts = [publicUrl, mailchimp.redirectUri].map((url) => new URL(url).hostname)
  return {
    publicUrl,
    corsOrigins: config.corsOrigins,
    stallTimeoutMs: config.exportStallTimeoutMs,
    verifyToken: createVerifier({ ...config.jwt, clock }),
    loginCookie: config.loginCookie
      ? createLoginCookie(publicUrl.startsWith("https:"), hosts)
      : noLoginCookie,
    exportSlots: createExportSlots({ max: config.maxExports, maxPerCaller: config.maxExportsPerCaller }),
  }
}

function createConnections(
  shared: Shared,
  storage: Storage & { readonly forgetJobs: ForgetStep },
  { oauth, limiters }: Mailchimp,
) {
  const { config, sealer, observe, clock } = shared
  const { connections, usedStates } = storage
  const { forwardUrlOrigins } = config
  const { readMetadata } = oauth
  const watch = createConnectionWatch({ connections, clock, onEvent: observe })
  const authorizations = { connections, sealer, forwardUrlOrigins, clock }
  const clients = { limiters, readMetadata, clientOptions: toClientOptions(shared) }
  const openAccount = createOpenAccount({ ...clients, connections, watch: watch.watch, onEvent: observe })
  const cache = createConnectionCache<readonly MailchimpList[]>({ keepMs: config.listsCacheS * 1000, clock })
  const requireLive = (owner: Owner) => requireLiveConnection(connections, owner)
  const subscriptions = createSubscriptions({
    webhooks: storage.webhooks,
    connections,
    address: config.webhookAddress,
    isReachable: isPublicUrl(config.publicUrl) || isLoopbackUrl(config.mailchimp.apiUrl),
    clock,
  })
  const { disconnect, forget, finishInterrupted } = createDisconnect({
    connections,
    removeAtMailchimp: createRemoveWebhooks({
      webhooks: storage.webhooks,
      unsubscribe: subscriptions.unsubscribe,
      open: createOpenDetached(clients),
      clock,
    }),
    forget: [
      ({ id }) => storage.webhooks.deleteOfConnection(id),
      ({ id }) => storage.deliveries.deleteOfConnection(id),
      storage.forgetJobs,
      async ({ id }) => cache.drop(id),
    ],
    scrub: storage.scrub,
    onMarked: watch.ended,
    onEvent: observe,
  })
  return {
    checkForwardUrl: (forwardUrl: string) => void parseForwardUrl(forwardUrl, forwardUrlOrigins),
    startAuthorization: createStartAuthorization({
      ...authorizations,
      readMetadata: (accessToken, signal) => readMetadata(accessToken, signal, 0),
      toAuthorizationUrl: oauth.authorizationUrl,
    }),
    finishAuthorization: createFinishAuthorization({
      ...authorizations,
      forget,
      usedStates,
      exchangeCode: oauth.exchangeCode,
      readMetadata,
    }),
    requireConnection: (owner: Owner) => requireConnection(connections, owner),
    requireLiveConnection: requireLive,
    subscriptions,
    disconnect,
    finishInterrupted,
    openAccount,
    readLists: createReadLists({ requireLiveConnection: requireLive, openAccount, cache }),
  }
}

function toClientOptions({ config, redaction, observe, clock }: Shared) {
  const { mailchimp, cursorMarginS } = config
  return {
    apiUrl: mailchimp.apiUrl,
    listsPath: mailchimp.listsPath,
    timeoutMs: mailchimp.timeoutMs,
    clockMarginS: cursorMarginS,
    retryMs: mailchimp.retryS * 1000,
    nextTurn: createTurns(),
    redaction,
    clock,
    onEvent: (event: MailchimpEvent) => observe({ type: "mailchimp", event }),
  }
}

/** Runs jobs from now on. Undefined if many processes share the database, because nothing decides which of them runs a job. */
function startJobs(shared: Shared, storage: Storage, openAccount: OpenAccount) {
  const { config, observe, clock } = shared
  const { jobs, jobsLock: lock } = storage
  if (lock === undefined) return undefined
  return createJobs({
    ...config.jobs,
    jobs,
    lock,
    files: createFolder(config.jobs.folder),
    openAccount,
    startExport: (request, signal) => createStartExport(toExportOptions(shared, signal))(request),
    clock,
    onEvent: observe,
    onExportEvent: (requestId, event) => observe({ type: "export", requestId, event }),
  })
}

function toExportOptions({ config, sealer, clock }: Shared, shutdownSignal: AbortSignal) {
  const { mailchimp, cursorMarginS: marginS } = config
  return { sealer, pageSize: mailchimp.pageSize, marginS, shutdownSignal, clock }
}

function createExports(shared: Shared, shutdownSignal: AbortSignal) {
  return {
    checkCursor: createCheckCursor(shared.sealer),
    startExport: createStartExport(toExportOptions(shared, shutdownSignal)),
  }
}
