import type { MailchimpEvent } from "./client.ts"

/** What the requests of one client took, all together. */
export type Usage = {
  /** Attempts that were sent, also those that failed. */
  readonly requests: number
  readonly retries: number
  /** Before requests: for a permit or a token, and between an attempt and its retry. Concurrent waits add up. */
  readonly waitedMs: number
}

/** Adds up the events of a client. */
export function createUsage() {
  let requests = 0
  let retries = 0
  let waitedMs = 0
  return {
    add: (event: MailchimpEvent) => {
      if (event.type === "response") {
        requests += 1
        waitedMs += event.waitedMs
      } else if (event.type === "retry") {
        retries += 1
        waitedMs += event.delayMs
      }
    },
    total: (): Usage => ({ requests, retries, waitedMs }),
  }
}
