import type { Random } from "../random.ts"
import type { Settings } from "../settings.ts"

/** What is sent for one delivery, and how much later. Empty if the delivery is lost. */
type SentCopy = { readonly body: string; readonly delayMs: number }

export type DisturbDelivery = (body: string) => readonly SentCopy[]

const longestDelayMs = 10_000

/** Real deliveries may lack these fields. */
const optionalFields = ["data[action]", "data[email]"]

/** Loses, doubles, delays and strips deliveries, in the shares that the settings say. Late deliveries arrive out of order. */
export function createDisturbDelivery(
  random: Random,
  settings: Pick<Settings, "lostDeliveries" | "doubledDeliveries" | "lateDeliveries" | "strippedDeliveries">,
): DisturbDelivery {
  return (body) => {
    if (random.chance(settings.lostDeliveries)) return []
    const sent = random.chance(settings.strippedDeliveries) ? strip(body) : body
    const copies = random.chance(settings.doubledDeliveries) ? [sent, sent] : [sent]
    return copies.map((body) => ({
      body,
      delayMs: random.chance(settings.lateDeliveries) ? random.integer(longestDelayMs) : 0,
    }))
  }
}

function strip(body: string): string {
  const form = new URLSearchParams(body)
  for (const field of optionalFields) form.delete(field)
  return form.toString()
}
