import { Redis } from "ioredis"
import { createRedisMessages, type Messages } from "./messages.ts"

/** What replicas share and may lose. Nothing durable is only here. */
export type RedisDatabase = {
  readonly client: Redis
  readonly messages: Messages
  /** Whether the server responds within a second. */
  isUp(): Promise<boolean>
  close(): void
}

export type RedisEvent =
  { readonly type: "redis_down"; readonly error: unknown } | { readonly type: "redis_up" }

/** A command that gets no response in this time fails. */
const commandTimeoutMs = 1000
const reconnectAfterMs = 250

/**
 * Connects to a server of Redis or Valkey, again and again when the connection is lost. Meanwhile commands fail at once instead
 * of waiting, so a caller decides when to try again.
 */
export function openRedis(url: string, onEvent: (event: RedisEvent) => void): RedisDatabase {
  let wasUp: boolean | undefined
  const client = new Redis(url, {
    commandTimeout: commandTimeoutMs,
    connectTimeout: 2 * commandTimeoutMs,
    enableOfflineQueue: false,
    maxRetriesPerRequest: 0,
    retryStrategy: () => reconnectAfterMs,
  })
  client.on("ready", () => {
    if (wasUp === false) onEvent({ type: "redis_up" })
    wasUp = true
  })
  // Each attempt to connect emits an error: an outage is one event.
  client.on("error", (error) => {
    if (wasUp !== false) onEvent({ type: "redis_down", error })
    wasUp = false
  })
  const messages = createRedisMessages(client)
  return {
    client,
    messages,
    isUp: () =>
      client.ping().then(
        () => true,
        () => false,
      ),
    close: () => {
      messages.close()
      client.disconnect()
    },
  }
}

/** A connection whose commands wait until the server responds, which queues need. */
export function openPatientRedis(url: string) {
  const client = new Redis(url, { maxRetriesPerRequest: null, retryStrategy: () => reconnectAfterMs })
  // The errors of an outage are told by the other connection.
  client.on("error", () => {})
  return {
    client,
    /** Calls the listener each time that the server can be used: now, and when it comes back. */
    onReady: (listener: () => void) => {
      client.on("ready", listener)
      if (client.status === "ready") listener()
    },
    close: () => client.disconnect(),
  }
}
