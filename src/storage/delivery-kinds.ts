import { z } from "zod"
import type { DeliveryKind } from "../webhooks/delivery.ts"

const kinds = {
  subscribe: "subscribe",
  unsubscribe: "unsubscribe",
  delete: "delete",
  unsubscribe_or_delete: "unsubscribe_or_delete",
  profile: "profile",
  cleaned: "cleaned",
  upemail: "upemail",
  other: "other",
} as const satisfies { readonly [Kind in DeliveryKind]: Kind }

/** The stored kind of a delivery. A kind that only a newer version of this service knows is `other`. */
export const deliveryKinds = z.enum(kinds).catch("other")
