import { createCachedLists } from "../connections/cached-lists.ts"
import { createConnectionWatch } from "../connections/connection-watch.ts"
import type { Owner } from "../connections/connection.ts"
import { createOpenDetached } from "../connections/detached-client.ts"
import { createDisconnect, type ForgetStep } from "../connections/disconnect.ts"
import { createFinishAuthorization } from "../connections/finish-authorization.ts"
import { isAllowedForwardUrl, parseForwardUrl } from "../connections/forward-url.ts"
import { requireConnection, requireLiveConnection } from "../connections/live-connection.ts"
import { createOpenAccount } from "../connections/open-account.ts"
import { createStartAuthorization } from "../connections/start-authorization.ts"
import { beforeResponseMs } from "../exports/response-deadline.ts"
import type { Storage } from "../storage/storage.ts"
import { isLoopbackUrl, isPublicUrl } from "../webhooks/public-url.ts"
import { createRemoveWebhooks } from "../webhooks/remove-webhooks.ts"
import { createSubscriptions } from "../webhooks/subscribe.ts"
import type { Shared } from "./shared.ts"
import { type Mailchimp, toClientOptions } from "./mailchimp.ts"

export function createConnections(
  shared: Shared,
  storage: Storage & { readonly forgetJobs: ForgetStep },
  { oauth, limiters }: Mailchimp,
) {
  const { config, sealer, observe, clock, messages } = shared
  const { connections, usedStates } = storage
  const { forwardUrlOrigins } = config
  const { readMetadata } = oauth
  const watch = createConnectionWatch({ connections, clock, onEvent: observe })
  const authorizations = { connections, sealer, forwardUrlOrigins, clock }
  const clients = { limiters, readMetadata, clientOptions: toClientOptions(shared) }
  const openAccount = createOpenAccount({ ...clients, connections, watch: watch.watch, onEvent: observe })
  const requireLive = (owner: Owner) => requireLiveConnection(connections, owner)
  const cachedLists = createCachedLists({
    requireLiveConnection: requireLive,
    openAccount,
    keepMs: config.listsCacheS * 1000,
    clock,
    deadlineMs: beforeResponseMs,
  })
  messages.listen("connection_deleted", (id) => {
    cachedLists.drop(id)
    watch.checkNow()
  })
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
      async ({ id }) => cachedLists.drop(id),
    ],
    scrub: storage.scrub,
    onMarked: (connection) => {
      watch.ended(connection)
      messages.send("connection_deleted", connection.id)
    },
    onEvent: observe,
  })
  return {
    checkForwardUrl: (forwardUrl: string) => void parseForwardUrl(forwardUrl, forwardUrlOrigins),
    isAllowedForwardUrl: (forwardUrl: string) => isAllowedForwardUrl(forwardUrl, forwardUrlOrigins),
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
    cachedLists,
  }
}
