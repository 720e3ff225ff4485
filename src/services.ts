import { dirname, join } from "node:path"
import type { Config } from "./config.ts"
import { createConnectionCache } from "./connections/connection-cache.ts"
import { createConnectionWatch } from "./connections/connection-watch.ts"
import type { ConnectionStore, Owner, UsedStateStore } from "./connections/connection.ts"
import { createDisconnect, type ForgetStep } from "./connections/disconnect.ts"
import { createFinishAuthorization } from "./connections/finish-authorization.ts"
import { parseForwardUrl } from "./connections/forward-url.ts"
import { requireConnection, requireLiveConnection } from "./connections/live-connection.ts"
import { createOpenAccount, type OpenAccount } from "./connections/open-account.ts"
import { createStartAuthorization } from "./connections/start-authorization.ts"
import { AppError } from "./errors.ts"
import { createCheckCursor } from "./exports/check-cursor.ts"
import { createReadLists } from "./exports/read-lists.ts"
import { createStartExport } from "./exports/start-export.ts"
import { createFolder } from "./jobs/parts/files.ts"
import type { PartFiles } from "./jobs/parts/part-files.ts"
import { createJobs } from "./jobs/jobs.ts"
import { createVerifier } from "./http/authenticate.ts"
import { createExportSlots } from "./http/export-slots.ts"
import { createLoginCookie, noLoginCookie } from "./http/login-cookie.ts"
import { createRedaction, type Redact, type Redaction } from "./lib/redaction.ts"
import { type Clock, createTurns, systemClock } from "./lib/time.ts"
import { createFixedAllowance } from "./mailchimp/limiter/allowance.ts"
import { createLimiters } from "./mailchimp/limiter/limiters.ts"
import type { MailchimpList } from "./mailchimp/lists/lists.ts"
import { createMailchimpOAuth } from "./mailchimp/oauth.ts"
import { logEvents } from "./observability/log-events.ts"
import { createLogger, type Logger } from "./observability/logger.ts"
import type { Observe } from "./observability/observe.ts"
import { createSealer, type Sealer } from "./sealer.ts"
import { readKeyFile } from "./storage/key-file.ts"
import { createSealedConnections } from "./storage/sealed-connections.ts"
import { openStorage, type Storage } from "./storage/storage.ts"

/** What is built once and lives as long as the service. */
export type Services = Awaited<ReturnType<typeof createServices>>

/** The composition root: builds everything from the configuration, by name. Nothing is read or started elsewhere. */
export async function createServices(
  config: Config,
  overrides: { readonly clock?: Clock; readonly toLogger?: (redact: Redact) => Logger } = {},
) {
  const { clock = systemClock, toLogger = (redact) => createLogger(config.logLevel, undefined, redact) } =
    overrides
  const { sealer, redaction } = createSecrets(config)
  const logger = toLogger(redaction.redact)
  const observe = logEvents(logger)
  const shared = { config, sealer, redaction, observe, clock }
  const shutdown = createShutdown()
  const storage = await createStorage(shared)
  const mailchimp = createMailchimp(shared)
  const jobFiles = createFolder(config.jobs.folder)
  const forget: ForgetStep[] = []
  const connections = createConnections(shared, { ...storage, forget }, mailchimp)
  const jobs = startJobs(shared, { storage, files: jobFiles, openAccount: connections.openAccount })
  if (jobs !== undefined) forget.push(jobs.forget)
  return {
    logger,
    observe,
    ...createHttp(shared),
    ...connections,
    ...createExports(shared, shutdown.shutdownSignal),
    jobs,
    jobFiles,
    ...shutdown,
    limiterStates: mailchimp.limiters.states,
    ping: storage.ping,
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

function createSecrets({ tokenKeys, sqlitePath, secrets }: Config) {
  const [firstKey = readKeyFile(join(dirname(sqlitePath), "token.key")), ...olderKeys] = tokenKeys ?? []
  const keys = [firstKey, ...olderKeys] as const
  const texts = keys.map(({ key }) => Buffer.from(key).toString("base64"))
  return { sealer: createSealer(keys), redaction: createRedaction([...secrets, ...texts]) }
}

function createShutdown() {
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

async function createStorage({ config, sealer, observe, clock }: Shared) {
  const storage = await openStorage({ ...config.storage, clock })
  const connections = createSealedConnections(storage.connections, sealer, { onEvent: observe })
  return { ...storage, connections }
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
  { config, sealer, redaction, observe, clock }: Shared,
  {
    connections,
    usedStates,
    forget,
  }: {
    readonly connections: ConnectionStore
    readonly usedStates: UsedStateStore
    readonly forget: readonly ForgetStep[]
  },
  { oauth, limiters }: ReturnType<typeof createMailchimp>,
) {
  const { mailchimp, forwardUrlOrigins } = config
  const { readMetadata } = oauth
  const watch = createConnectionWatch({ connections, clock, onEvent: observe })
  const cache = createConnectionCache<readonly MailchimpList[]>({ keepMs: config.listsCacheS * 1000, clock })
  const openAccount = createOpenAccount({
    connections,
    watch: watch.watch,
    limiters,
    readMetadata,
    clientOptions: {
      apiUrl: mailchimp.apiUrl,
      listsPath: mailchimp.listsPath,
      timeoutMs: mailchimp.timeoutMs,
      clockMarginS: config.cursorMarginS,
      retryMs: mailchimp.retryS * 1000,
      nextTurn: createTurns(),
      redaction,
      clock,
      onEvent: (event) => observe({ type: "mailchimp", event }),
    },
    onEvent: observe,
  })
  const authorizations = { connections, sealer, forwardUrlOrigins, clock }
  return {
    checkForwardUrl: (forwardUrl: string) => void parseForwardUrl(forwardUrl, forwardUrlOrigins),
    startAuthorization: createStartAuthorization({
      ...authorizations,
      readMetadata: (accessToken, signal) => readMetadata(accessToken, signal, 0),
      toAuthorizationUrl: oauth.authorizationUrl,
    }),
    finishAuthorization: createFinishAuthorization({
      ...authorizations,
      usedStates,
      exchangeCode: oauth.exchangeCode,
      readMetadata,
    }),
    requireConnection: (owner: Owner) => requireConnection(connections, owner),
    requireLiveConnection: (owner: Owner) => requireLiveConnection(connections, owner),
    readLists: createReadLists({
      requireLiveConnection: (owner) => requireLiveConnection(connections, owner),
      openAccount,
      cache,
    }),
    disconnect: createDisconnect({
      connections,
      forget,
      onDeleted: (connection) => {
        watch.ended(connection)
        cache.drop(connection.id)
      },
    }),
    openAccount,
  }
}

/** Runs jobs from now on. Undefined if many processes share the database, because nothing decides which of them runs a job. */
function startJobs(
  shared: Shared,
  {
    storage: { jobs, jobsLock: lock },
    ...deps
  }: {
    readonly storage: Pick<Storage, "jobs" | "jobsLock">
    readonly files: PartFiles
    readonly openAccount: OpenAccount
  },
) {
  const { config, observe, clock } = shared
  if (lock === undefined) return undefined
  return createJobs({
    ...deps,
    ...config.jobs,
    jobs,
    lock,
    startExport: (request, shutdownSignal) =>
      createStartExport(toExportOptions(shared, shutdownSignal))(request),
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
  const { sealer } = shared
  return {
    checkCursor: createCheckCursor(sealer),
    startExport: createStartExport(toExportOptions(shared, shutdownSignal)),
  }
}
