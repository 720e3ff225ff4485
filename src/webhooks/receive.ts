import type { Owner } from "../connections/connection.ts"
import { AppError } from "../errors.ts"
import type { Clock } from "../lib/time.ts"
import { type Delivery, type DeliveryContent, type DeliveryStore, parseDelivery } from "./delivery.ts"
import { readForm } from "./read-form.ts"
import { isSigned } from "./signature.ts"
import { isSecret, toSecretHash, type Webhook, type WebhookStore } from "./webhook.ts"
import { createBatchWrites } from "./batch-writes.ts"

/** What is reported about deliveries, without anything of the person. */
export type DeliveryEvent =
  | {
      readonly type: "delivery"
      readonly connectionId: string
      readonly listId: string
      readonly kind: Delivery["kind"]
    }
  /** Deliveries without a valid signature since the last event of this type, which comes once a minute at most. */
  | { readonly type: "deliveries_unsigned"; readonly listId: string; readonly count: number }

export type Receiver = {
  /** Resolves for the secret of a webhook of a live connection. Rejects with `webhook_unknown`. */
  validate(secret: string): Promise<void>
  /**
   * Resolves when the delivery is stored, or is not to be stored because it is not signed. Rejects with `webhook_unknown`,
   * which disables the webhook at Mailchimp, or with `database_unavailable`, after which Mailchimp retries.
   */
  receive(secret: string, request: Request): Promise<void>
}

const maxBytes = 65_536
const reportEveryMs = 60_000

/**
 * Receives what Mailchimp delivers. Anybody can send requests, so the form of the secret is checked before the database is
 * asked, and the secret before the body is read. Whatever a delivery of a known webhook looks like, it is accepted:
 * Mailchimp disables a webhook of which more than half of the deliveries fail.
 */
export function createReceiver(deps: {
  readonly webhooks: Pick<WebhookStore, "find">
  /** The id of an owner's connection. Undefined for a connection that is being disconnected. */
  readonly findConnectionId: (owner: Owner) => Promise<string | undefined>
  readonly deliveries: Pick<DeliveryStore, "insert">
  readonly clock: Clock
  readonly onEvent: (event: DeliveryEvent) => void
}): Receiver {
  const { webhooks, findConnectionId, deliveries, clock, onEvent } = deps
  const store = createBatchWrites(deliveries.insert)
  const reportUnsigned = createUnsignedReports(clock, onEvent)

  const requireWebhook = async (secret: string) => {
    const webhook = isSecret(secret) ? await webhooks.find(toSecretHash(secret)) : undefined
    if (webhook === undefined) throw unknown()
    return webhook
  }
  const requireConnected = async ({ owner, connectionId }: Webhook) => {
    if ((await findConnectionId(owner)) !== connectionId) throw unknown()
  }

  return {
    validate: async (secret) => requireConnected(await requireWebhook(secret)),

    receive: async (secret, request) => {
      const webhook = await requireWebhook(secret)
      const form = await readForm(request, maxBytes)
      // After the body, which may take long: nothing may be stored after a disconnection has deleted the deliveries.
      await requireConnected(webhook)
      const { connectionId, listId, signingSecret } = webhook
      const nowS = Math.floor(clock.now() / 1000)
      if (signingSecret !== undefined) {
        const signature = request.headers.get("x-mailchimp-signature") ?? undefined
        if (form === undefined || !isSigned(signature, form, { secret: signingSecret, nowS }))
          return reportUnsigned(listId)
      }
      const content = form === undefined ? tooLarge : parseDelivery(form)
      await store({ connectionId, listId, arrivedAt: nowS, ...content })
      onEvent({ type: "delivery", connectionId, listId, kind: content.kind })
    },
  }
}

/** A form that is too large to be read is still a hint that the list changed. */
const tooLarge: DeliveryContent = { kind: "other" }

/** Counts deliveries without a valid signature, and reports their number once a minute at most. */
function createUnsignedReports(clock: Clock, onEvent: (event: DeliveryEvent) => void) {
  let count = 0
  let reportedAtMs = -Infinity
  return (listId: string) => {
    count += 1
    if (clock.monotonicMs() - reportedAtMs < reportEveryMs) return
    onEvent({ type: "deliveries_unsigned", listId, count })
    count = 0
    reportedAtMs = clock.monotonicMs()
  }
}

/** The same for every secret that is not in use, so that nobody learns which were. */
function unknown(): AppError {
  return new AppError("webhook_unknown", "Cannot accept the delivery because no webhook has this address")
}
