import { dirname, join } from "node:path"
import type { Config } from "./config.ts"
import { createConnectionWatch } from "./connections/connection-watch.ts"
import type { ConnectionStore, Owner, UsedStateStore } from "./connections/connection.ts"
import { createDisconnect } from "./connections/disconnect.ts"
import { createFinishAuthorization } from "./connections/finish-authorization.ts"
import { parseForwardUrl } from "./connections/forward-url.ts"
import { requireConnection, requireLiveConnection } from "./connections/live-connection.ts"
import { createOpenAccount } from "./connections/open-account.ts"
import { createStartAuthorization } from "./connections/start-authorization.ts"
import { AppError } from "./errors.ts"
import { createCheckCursor } from "./exports/check-cursor.ts"
import { beforeResponseMs } from "./exports/response-deadline.ts"
import { createStartExport } from "./exports/start-export.ts"
import { createVerifier } from "./http/authenticate.ts"
import { createExportSlots } from "./http/export-slots.ts"
import { createLoginCookie, noLoginCookie } from "./http/login-cookie.ts"
import { createRedaction, type Redact, type Redaction } from "./lib/redaction.ts"
import { type Clock, createTurns, systemClock } from "./lib/time.ts"
import type { MailchimpClient } from "./mailchimp/client.ts"
import { createFixedAllowance } from "./mailchimp/limiter/allowance.ts"
import { createLimiters } from "./mailchimp/limiter/limiters.ts"
import { readListDetails } from "./mailchimp/lists/list-details.ts"
import { listLists } from "./mailchimp/lists/lists.ts"
import { createMailchimpOAuth } from "./mailchimp/oauth.ts"
import { logEvents } from "./observability/log-events.ts"
import { createLogger, type Logger } from "./observability/logger.ts"
import type { Observe } from "./observability/observe.ts"
import { createSealer, type Sealer } from "./sealer.ts"
import { readKeyFile } from "./storage/key-file.ts"
import { createSealedConnections } from "./storage/sealed-connections.ts"
import { openStorage } from "./storage/storage.ts"

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
  return {
    logger,
    observe,
    ...createHttp(shared),
    ...createConnections(shared, storage, mailchimp),
    ...createExports(shared, shutdown.shutdownSignal),
    ...shutdown,
    limiterStates: mailchimp.limiters.states,
    ping: storage.ping,
    close: storage.close,
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
    now: clock.now,
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
  { connections, usedStates }: { readonly connections: ConnectionStore; readonly usedStates: UsedStateStore },
  { oauth, limiters }: ReturnType<typeof createMailchimp>,
) {
  const { mailchimp, forwardUrlOrigins } = config
  const { readMetadata } = oauth
  const watch = createConnectionWatch({ connections, clock, onEvent: observe })
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
    disconnect: createDisconnect({ connections, forget: [], onDeleted: watch.ended }),
    openAccount: createOpenAccount({
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
    }),
  }
}

function createExports({ config, sealer, clock }: Shared, shutdownSignal: AbortSignal) {
  return {
    listLists: (client: MailchimpClient, signal: AbortSignal) =>
      Array.fromAsync(listLists(client, { signal, deadlineMs: beforeResponseMs })),
    readListDetails: (client: MailchimpClient, listId: string, signal: AbortSignal) =>
      readListDetails(client, listId, { signal, deadlineMs: beforeResponseMs }),
    checkCursor: createCheckCursor(sealer),
    startExport: createStartExport({
      sealer,
      pageSize: config.mailchimp.pageSize,
      marginS: config.cursorMarginS,
      shutdownSignal,
      clock,
    }),
  }
}
