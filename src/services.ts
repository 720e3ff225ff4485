import { join, dirname } from "node:path"
import type { Config } from "./config.ts"
import { createConnectionWatch } from "./connections/connection-watch.ts"
import { createDisconnect } from "./connections/disconnect.ts"
import { parseForwardUrl } from "./connections/forward-url.ts"
import { createFinishAuthorization } from "./connections/finish-authorization.ts"
import { requireConnection, requireLiveConnection } from "./connections/live-connection.ts"
import { createOpenAccount } from "./connections/open-account.ts"
import { createStartAuthorization } from "./connections/start-authorization.ts"
import type { Owner } from "./connections/connection.ts"
import { AppError } from "./errors.ts"
import { beforeResponseMs, createCheckCursor, createStartExport } from "./exports/start-export.ts"
import { createVerifier } from "./http/authenticate.ts"
import { createExportSlots } from "./http/export-slots.ts"
import { createLoginCookie, noLoginCookie } from "./http/login-cookie.ts"
import { type Clock, createTurns, systemClock } from "./lib/time.ts"
import { createRedaction, type Redact } from "./lib/redaction.ts"
import type { MailchimpClient } from "./mailchimp/client.ts"
import { createLimiters } from "./mailchimp/limiter/limiter.ts"
import { listLists } from "./mailchimp/lists/lists.ts"
import { createMailchimpOAuth } from "./mailchimp/oauth.ts"
import { createExportLog } from "./observability/export-log.ts"
import { createMailchimpLog } from "./observability/mailchimp-log.ts"
import { createLogger, type Logger } from "./observability/logger.ts"
import { createSealer } from "./sealer.ts"
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
  const drain = new AbortController()
  const shutdown = new AbortController()

  const keyFile = join(dirname(config.sqlitePath), "token.key")
  const [firstKey = readKeyFile(keyFile), ...olderKeys] = config.tokenKeys ?? []
  const keys = [firstKey, ...olderKeys] as const
  const sealer = createSealer(keys)
  const redaction = createRedaction([
    ...config.secrets,
    ...keys.map(({ key }) => Buffer.from(key).toString("base64")),
  ])
  const logger = toLogger(redaction.redact)
  const storage = await openStorage({ ...config.storage, clock })
  const connections = createSealedConnections(storage.connections, sealer, {
    onEvent: ({ type, connectionId, error }) => logger.error({ connection: connectionId, error }, type),
  })

  const watch = createConnectionWatch({
    connections,
    clock,
    onEvent: ({ type, error }) => logger.warn({ error }, type),
  })

  const { mailchimp } = config
  const oauth = createMailchimpOAuth({
    ...mailchimp,
    dataCenterUrl: mailchimp.datacenterUrl,
    timeoutMs: 10_000,
    redaction,
    clock,
  })
  const limiters = createLimiters({
    permits: mailchimp.maxConnections,
    tokens: mailchimp.requestsPerSecond,
    refillPerSecond: mailchimp.requestsPerSecond,
    clock,
  })

  return {
    logger,
    publicUrl: config.publicUrl,
    corsOrigins: config.corsOrigins,
    loginCookie: config.loginCookie
      ? createLoginCookie(config.publicUrl.startsWith("https:"), hostsOf(config))
      : noLoginCookie,
    verifyToken: createVerifier({ ...config.jwt, clock }),
    checkForwardUrl: (forwardUrl: string) => void parseForwardUrl(forwardUrl, config.forwardUrlOrigins),
    startAuthorization: createStartAuthorization({
      connections,
      sealer,
      readMetadata: (accessToken, signal) => oauth.readMetadata(accessToken, signal, 0),
      forwardUrlOrigins: config.forwardUrlOrigins,
      toAuthorizationUrl: oauth.authorizationUrl,
      clock,
    }),
    finishAuthorization: createFinishAuthorization({
      connections,
      usedStates: storage.usedStates,
      sealer,
      forwardUrlOrigins: config.forwardUrlOrigins,
      exchangeCode: oauth.exchangeCode,
      readMetadata: oauth.readMetadata,
      clock,
    }),
    requireConnection: (owner: Owner) => requireConnection(connections, owner),
    requireLiveConnection: (owner: Owner) => requireLiveConnection(connections, owner),
    disconnect: createDisconnect({ connections, forget: [], onDeleted: watch.ended }),
    openAccount: createOpenAccount({
      connections,
      watch: watch.watch,
      limiters,
      readMetadata: oauth.readMetadata,
      clientOptions: {
        apiUrl: mailchimp.apiUrl,
        listsPath: mailchimp.listsPath,
        timeoutMs: mailchimp.timeoutMs,
        clockMarginS: config.cursorMarginS,
        retryMs: mailchimp.retryS * 1000,
        nextTurn: createTurns(),
        redaction,
        clock,
        onEvent: createMailchimpLog(logger),
      },
      onEvent: ({ type, error }) => logger.error({ error }, type),
    }),
    listLists: (client: MailchimpClient, signal: AbortSignal) =>
      Array.fromAsync(listLists(client, { signal, deadlineMs: beforeResponseMs })),
    checkCursor: createCheckCursor(sealer),
    startExport: createStartExport({
      sealer,
      pageSize: mailchimp.pageSize,
      marginS: config.cursorMarginS,
      shutdownSignal: shutdown.signal,
      clock,
    }),
    exportSlots: createExportSlots({ max: config.maxExports, maxPerCaller: config.maxExportsPerCaller }),
    onExportEvent: createExportLog(logger),
    stallTimeoutMs: config.exportStallTimeoutMs,
    ping: storage.ping,
    limiterStates: limiters.states,
    isDraining: () => drain.signal.aborted,
    /** Refuses new work from now on; running requests continue. */
    drain: () => drain.abort(),
    /** Aborts the running exports and tells their consumers why. */
    abortExports: () =>
      shutdown.abort(
        new AppError("draining", "Cannot continue the export because the service is shutting down"),
      ),
    close: storage.close,
  }
}

/** The URL at which browsers reach this service, and the one to which Mailchimp redirects them. */
function hostsOf({ publicUrl, mailchimp }: Config): string[] {
  return [publicUrl, mailchimp.redirectUri].map((url) => new URL(url).hostname)
}
