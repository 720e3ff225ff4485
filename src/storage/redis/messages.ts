import type { Redis } from "ioredis"

/** What a message says happened. Its id is that of a connection, or of a job. */
type Topic = "deliveries_stored" | "connection_deleted" | "job_canceled"

/**
 * What replicas tell each other, so that they need not wait until they next look. A message carries an id and nothing else. It may
 * be lost, so receivers also look by themselves: once a second, or for a canceled job when its run next records what it has.
 */
export type Messages = {
  /** Tells all replicas, this one included. */
  send(topic: Topic, id: string): void
  /** Calls the listener with the id of each message. A topic has one listener. */
  listen(topic: Topic, listener: (id: string) => void): void
}

/** Of a process that is alone. */
export const noMessages: Messages = { send: () => {}, listen: () => {} }

export function createRedisMessages(client: Redis): Messages & { close(): void } {
  const listeners = new Map<string, (id: string) => void>()
  // A connection that has subscribed can send nothing else. It waits for the server, and subscribes again after an outage.
  const subscriber = client.duplicate({
    commandTimeout: undefined,
    enableOfflineQueue: true,
    maxRetriesPerRequest: null,
  })
  // The outage is reported by `client`.
  subscriber.on("error", () => {})
  subscriber.on("message", (channel: string, id: string) => listeners.get(channel)?.(id))

  return {
    send: (topic, id) => void client.publish(channelOf(topic), id).catch(() => {}),
    listen: (topic, listener) => {
      listeners.set(channelOf(topic), listener)
      subscriber.subscribe(channelOf(topic)).catch(() => {})
    },
    close: () => subscriber.disconnect(),
  }
}

function channelOf(topic: Topic): string {
  return `mailchimp-export:${topic}`
}
