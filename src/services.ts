import { dirname, join } from "node:path"
import type { Config } from "./config.ts"
import { createConnectionWatch } from "./connections/connection-watch.ts"
import type { Owner } from "./connections/connection.ts"
import { createOpenDetached } from "./connections/detached-client.ts"
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
import type { MailchimpClient, MailchimpEvent } from "./mailchimp/client.ts"
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
  return {
    logger,
    observe,
    ...createHttp(shared),
    ...createConnections(shared, storage, mailchimp),
    receiver: createReceiver({ ...storage, clock, onEvent: observe }),
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

function createSecrets({ tokenKeys, sqlitePath, secrets }: Config, clock: Clock) {
  const [firstKey = readKeyFile(join(dirname(sqlitePath), "token.key")), ...olderKeys] = tokenKeys ?? []
  const keys = [firstKey, ...olderKeys] as const
  const texts = keys.map(({ key }) => Buffer.from(key).toString("base64"))
  return { sealer: createSealer(keys), redaction: createRedaction([...secrets, ...texts], clock) }
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

function createConnections(shared: Shared, storage: Storage, { oauth, limiters }: Mailchimp) {
  const { config, sealer, observe, clock } = shared
  const { connections, usedStates } = storage
  const { forwardUrlOrigins } = config
  const { readMetadata } = oauth
  const watch = createConnectionWatch({ connections, clock, onEvent: observe })
  const authorizations = { connections, sealer, forwardUrlOrigins, clock }
  const clients = { limiters, readMetadata, clientOptions: toClientOptions(shared) }
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
    requireLiveConnection: (owner: Owner) => requireLiveConnection(connections, owner),
    subscriptions,
    disconnect,
    finishInterrupted,
    openAccount: createOpenAccount({ ...clients, connections, watch: watch.watch, onEvent: observe }),
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
