import type { OpenAccount } from "../connections/open-account.ts"
import type { StartExport } from "../exports/start-export.ts"
import { createKeepWebhooks } from "../follow/keep-webhooks.ts"
import { createStartFollow } from "../follow/start-follow.ts"
import { createTails } from "../follow/tails.ts"
import { hasMember } from "../mailchimp/members/has-member.ts"
import type { DeliveryStore } from "../webhooks/delivery.ts"
import type { Subscriptions } from "../webhooks/subscribe.ts"
import type { Shared } from "./shared.ts"

export function createFollow(
  { config, sealer, observe: onEvent, clock, messages }: Shared,
  services: {
    readonly deliveries: DeliveryStore
    readonly subscriptions: Subscriptions
    readonly openAccount: OpenAccount
    readonly startExport: StartExport
    readonly drainSignal: AbortSignal
  },
) {
  const { mailchimp, cursorMarginS: marginS, deliveryRetentionS: retentionS } = config
  const reporting = { clock, onEvent }
  const tails = createTails({
    ...services,
    ...reporting,
    hasMember,
    keepWebhooks: createKeepWebhooks({ ...services, ...reporting }),
    sealer,
    pageSize: mailchimp.pageSize,
    marginS,
    intervalS: config.followIntervalS,
    ratePerSecond: mailchimp.requestsPerSecond,
  })
  messages.listen("deliveries_stored", tails.wake)
  return createStartFollow({ ...services, ...reporting, tails, sealer, retentionS })
}
