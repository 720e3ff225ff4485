import { type Clock, withTimeout } from "../../lib/time.ts"
import type { ChangeSource, MemberEvent } from "../members/member-event.ts"
import type { List } from "../account.ts"
import { writeDeliveryForm } from "./delivery-form.ts"
import type { Webhook } from "./webhook.ts"

/** A delivery and its attempts, for tests to inspect. */
type Delivery = {
  readonly listId: string
  readonly webhookId: string
  readonly type: MemberEvent["type"]
  readonly body: string
  /** The status of each response; 0 if there was none within ten seconds. */
  readonly attempts: { at: number; status: number }[]
  state: "under_way" | "delivered" | "failed"
}

export type Deliverer = {
  readonly deliveries: readonly Delivery[]
  announce(list: List, events: MemberEvent[], source: ChangeSource, at: number): void
  /** Checks with a GET whether the URL responds, as Mailchimp does before it saves a webhook. */
  validate(url: string): Promise<boolean>
  /** Waits until no delivery is in progress; a delivery that is being retried is in progress. */
  settled(): Promise<void>
  /** Aborts the deliveries in progress. */
  stop(): void
}

/** How long Mailchimp waits for a response. */
const RESPONSE_TIMEOUT_MS = 10_000

/** The pauses before the retries: growing, 75 minutes in all. */
const retryAfterMs = [1, 3, 6, 15, 20, 30].map((minutes) => minutes * 60_000)

export function createDeliverer(clock: Clock, fetch: (request: Request) => Promise<Response>): Deliverer {
  const stopping = new AbortController()
  const deliveries: Delivery[] = []
  const underWay = new Set<Promise<void>>()

  /** The status of the response, or 0 if there was none in time. */
  const send = async (url: string, init: RequestInit): Promise<number> => {
    const requestStatus = async (signal: AbortSignal) => {
      const response = await fetch(new Request(url, { ...init, signal }))
      await response.body?.cancel()
      return response.status
    }
    try {
      return await withTimeout(requestStatus, {
        timeoutMs: RESPONSE_TIMEOUT_MS,
        signal: stopping.signal,
        clock,
      })
    } catch {
      return 0
    }
  }

  const attempt = (webhook: Webhook, body: string): Promise<number> => {
    const headers = new Headers({
      "content-type": "application/x-www-form-urlencoded",
      "user-agent": "MailChimp",
    })
    if (webhook.signingSecret) {
      const seconds = Math.floor(clock.now() / 1000)
      headers.set("x-mailchimp-signature", sign(webhook.signingSecret, seconds, body))
    }
    return send(webhook.url, { method: "POST", headers, body })
  }

  const deliver = async (webhook: Webhook, delivery: Delivery) => {
    for (const pauseMs of [0, ...retryAfterMs]) {
      if (pauseMs > 0) await clock.sleep(pauseMs, stopping.signal)
      if (webhook.disabled) break
      const at = clock.now()
      const status = await attempt(webhook, delivery.body)
      delivery.attempts.push({ at, status })
      if (status >= 200 && status < 300) {
        delivery.state = "delivered"
        return
      }
      if (status === 410) webhook.disabled = true
    }
    delivery.state = "failed"
  }

  return {
    deliveries,
    announce(list, events, source, at) {
      for (const event of events) {
        for (const webhook of list.webhooks) {
          if (webhook.disabled || !webhook.events[event.type] || !webhook.sources[source]) continue
          const delivery: Delivery = {
            listId: list.id,
            webhookId: webhook.id,
            type: event.type,
            body: writeDeliveryForm(event, at),
            attempts: [],
            state: "under_way",
          }
          deliveries.push(delivery)
          const run = deliver(webhook, delivery)
            .catch(() => {
              delivery.state = "failed"
            })
            .finally(() => underWay.delete(run))
          underWay.add(run)
        }
      }
    },
    validate: async (url) => (await send(url, { headers: { "user-agent": "MailChimp" } })) === 200,
    async settled() {
      while (underWay.size > 0) await Promise.allSettled(underWay)
    },
    stop: () => stopping.abort(),
  }
}

/** `t=<unix>,v1=<hex>`: an HMAC-SHA256 over `t`, a dot and the raw body. */
function sign(secret: string, seconds: number, body: string): string {
  const hmac = new Bun.CryptoHasher("sha256", secret).update(`${seconds}.${body}`).digest("hex")
  return `t=${seconds},v1=${hmac}`
}
