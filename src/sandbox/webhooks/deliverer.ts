import type { Clock } from "../../lib/time.ts"
import type { ChangeSource, MemberEvent } from "../members/member-event.ts"
import type { List } from "../account.ts"
import { writeDeliveryForm } from "./delivery-form.ts"
import type { DisturbDelivery } from "./disturb-delivery.ts"
import { createSender } from "./sender.ts"
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

/** The pauses before the retries: growing, 75 minutes in all. */
const retryAfterMs = [1, 3, 6, 15, 20, 30].map((minutes) => minutes * 60_000)

/** Mailchimp disables a webhook when more than this share of its requests fail; presumably not after a few. */
const DISABLED_FROM = 0.51
const FEWEST_ATTEMPTS = 20

export function createDeliverer(options: {
  readonly clock: Clock
  readonly fetch: (request: Request) => Promise<Response>
  readonly disturb: DisturbDelivery
}): Deliverer {
  const { clock, fetch, disturb } = options
  const stopping = new AbortController()
  const deliveries: Delivery[] = []
  const underWay = new Set<Promise<void>>()

  const send = createSender({ clock, fetch, signal: stopping.signal })

  const deliver = async (webhook: Webhook, delivery: Delivery, delayMs: number) => {
    for (const pauseMs of [delayMs, ...retryAfterMs]) {
      if (pauseMs > 0) await clock.sleep(pauseMs, stopping.signal)
      if (webhook.disabled) break
      const at = clock.now()
      const status = await send.deliver(webhook, delivery.body)
      delivery.attempts.push({ at, status })
      const isGood = status >= 200 && status < 300
      count(webhook, isGood)
      if (isGood) {
        delivery.state = "delivered"
        return
      }
      if (status === 410) webhook.disabled = true
    }
    delivery.state = "failed"
  }

  const begin = (webhook: Webhook, delivery: Delivery, delayMs: number) => {
    deliveries.push(delivery)
    const run = deliver(webhook, delivery, delayMs)
      .catch(() => {
        delivery.state = "failed"
      })
      .finally(() => underWay.delete(run))
    underWay.add(run)
  }

  return {
    deliveries,
    announce(list, events, source, at) {
      for (const event of events) {
        for (const webhook of list.webhooks) {
          if (webhook.disabled || !webhook.events[event.type] || !webhook.sources[source]) continue
          const { type } = event
          const kept = { listId: list.id, webhookId: webhook.id, type, state: "under_way" } as const
          for (const { body, delayMs } of disturb(writeDeliveryForm(event, at)))
            begin(webhook, { ...kept, body, attempts: [] }, delayMs)
        }
      }
    },
    validate: async (url) => (await send.get(url)) === 200,
    async settled() {
      while (underWay.size > 0) await Promise.allSettled(underWay)
    },
    stop: () => stopping.abort(),
  }
}

function count(webhook: Webhook, isGood: boolean): void {
  webhook.attempts += 1
  if (!isGood) webhook.failures += 1
  if (webhook.attempts >= FEWEST_ATTEMPTS && webhook.failures / webhook.attempts >= DISABLED_FROM)
    webhook.disabled = true
}
