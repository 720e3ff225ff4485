import type { Random } from "../random.ts"
import { createMember } from "./create-member.ts"
import { inventInterests, type InterestCategory } from "./interests.ts"
import { inventMember, inventSms } from "./invent-member.ts"
import { inventWideFields } from "./wide-fields.ts"
import { writeTime, type MemberStatus } from "./member.ts"

const reasons = ["N/A (Unsubscribed by an admin)", "Did not sign up for list", "No longer interested"]

/** The options for seeding a list. */
export type SeedingOptions = {
  count: number
  /** Sizes of bulk imports: each gives that many members the same `last_changed`. */
  imports: readonly number[]
  /** No member has changed after this moment, in ms. */
  until: number
  /** How many merge fields of maximum length each member has in addition to the usual ones. */
  wideFields?: number | undefined
  interestCategories?: readonly InterestCategory[] | undefined
}

/** The rows of a new list, oldest change first, with what an index needs to know about them. */
export function* generateMembers(random: Random, listId: string, options: SeedingOptions) {
  const seconds = inventSeconds(random, options)
  const webIds = 440_000_000 + random.integer(1_000_000) * 10
  for (let serial = 0; serial < options.count; serial++) {
    const changedAt = (seconds[serial] ?? 0) * 1000
    const optedInAt = changedAt - (random.chance(0.4) ? 0 : random.integer(400 * 86_400) * 1000)
    const signedUp = random.chance(0.15)
    const status = inventStatus(random)
    const invented = inventMember(random, serial)
    const member = createMember(
      {
        ...invented,
        merge_fields: { ...invented.merge_fields, ...inventWideFields(random, options.wideFields) },
        ...inventInterests(random, options.interestCategories ?? []),
        status,
        ...(status === "unsubscribed" ? { unsubscribe_reason: random.pick(reasons) } : {}),
        ...(random.chance(0.1) ? inventSms(random, optedInAt) : {}),
        ip_signup: signedUp ? `203.0.113.${random.integer(256)}` : "",
        timestamp_signup: signedUp ? writeTime(optedInAt - 60_000) : "",
        ip_opt: `198.51.100.${random.integer(256)}`,
        timestamp_opt: writeTime(optedInAt),
        last_changed: writeTime(changedAt),
      },
      listId,
      webIds + serial,
      optedInAt,
    )
    yield {
      id: member.id,
      row: JSON.stringify(member),
      times: {
        status,
        lastChanged: Math.floor(changedAt / 1000),
        timestampOpt: Math.floor(optedInAt / 1000),
      },
    }
  }
}

/** Three years of changes in ascending order, with bulk imports in between. */
function inventSeconds(random: Random, { count, imports, until }: SeedingOptions): Float64Array {
  const last = Math.floor(until / 1000)
  const seconds = new Float64Array(count)
  let filled = 0
  for (const size of imports) {
    const second = last - random.integer(3 * 365 * 86_400)
    const end = Math.min(count, filled + size)
    seconds.fill(second, filled, end)
    filled = end
  }
  for (; filled < count; filled++) seconds[filled] = last - random.integer(3 * 365 * 86_400)
  return seconds.toSorted()
}

function inventStatus(random: Random): MemberStatus {
  const share = random.next()
  if (share < 0.68) return "subscribed"
  if (share < 0.8) return "unsubscribed"
  if (share < 0.85) return "cleaned"
  if (share < 0.87) return "pending"
  if (share < 0.9) return "transactional"
  return "archived"
}
