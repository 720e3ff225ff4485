import { createHash } from "node:crypto"

/**
 * What a delivery says happened. `unsubscribe_or_delete`: real deliveries may lack the field that distinguishes the two.
 * `other`: an event that we do not know, or a form that cannot be read.
 */
export type DeliveryKind =
  | "subscribe"
  | "unsubscribe"
  | "delete"
  | "unsubscribe_or_delete"
  | "profile"
  | "cleaned"
  | "upemail"
  | "other"

/** One webhook call of Mailchimp: a hint that a list changed. No more of the person is kept than the MD5 of the address. */
export type Delivery = {
  readonly connectionId: string
  readonly listId: string
  readonly kind: DeliveryKind
  /** When it arrived, in seconds since the epoch. */
  readonly arrivedAt: number
  /** The id of the member. Undefined if the delivery has no address: then it says only that the list changed. */
  readonly memberId?: string | undefined
  /** The id of the member after a change of the address. */
  readonly newMemberId?: string | undefined
}

export type StoredDelivery = Delivery & { readonly id: string }

/** Where reading begins: at the first delivery of a second, or after one delivery of that second. */
export type DeliveryPosition = { readonly arrivedAt: number; readonly id?: string }

/** The stored deliveries. Every method rejects with `database_unavailable` if the database cannot be reached. */
export type DeliveryStore = {
  /** Stores all or none, and resolves when a crash can no longer lose them. Also purges what has expired. */
  insert(deliveries: readonly Delivery[]): Promise<void>
  /** The deliveries of a connection from a position on, by second and id, at most `limit`. None that has expired. */
  list(connectionId: string, from: DeliveryPosition, limit: number): Promise<readonly StoredDelivery[]>
  deleteOfConnection(connectionId: string): Promise<void>
}

/** What one delivery says, without the list, which is that of its webhook. */
export type DeliveryContent = Pick<Delivery, "kind" | "memberId" | "newMemberId">

/** More fields than a list's merge fields can have. A form with more is read up to this number. */
const maxFields = 200

/**
 * Reads the form of a delivery. The names are compared as whole texts, `data[email]`, so a form never becomes an object, and
 * its depth does not matter. A form that cannot be read is still a hint that the list changed.
 */
export function parseDelivery(form: Uint8Array): DeliveryContent {
  const text = new TextDecoder().decode(form)
  const fields = new URLSearchParams(text.split("&", maxFields).join("&"))
  const kind = toKind(fields.get("type"), fields.get("data[action]"))
  if (kind !== "upemail") return { kind, memberId: toMemberId(fields.get("data[email]")) }
  return {
    kind,
    memberId: toMemberId(fields.get("data[old_email]")),
    newMemberId: toMemberId(fields.get("data[new_email]")),
  }
}

const kinds: readonly string[] = ["subscribe", "profile", "cleaned", "upemail"] satisfies DeliveryKind[]

function toKind(type: string | null, action: string | null): DeliveryKind {
  if (type === "unsubscribe")
    return action === "delete" ? "delete" : action === "unsub" ? "unsubscribe" : "unsubscribe_or_delete"
  return type !== null && isKind(type) ? type : "other"
}

function isKind(type: string): type is DeliveryKind {
  return kinds.includes(type)
}

/** An address of this domain stands for somebody who was deleted permanently: no list has a member with it. */
const forgotten = "@forgotten.mailchimp.com"
const longestAddress = 320

/** Mailchimp's id of a member is the MD5 of the lower-case address. */
function toMemberId(address: string | null): string | undefined {
  const lower = address?.toLowerCase() ?? ""
  if (!lower.includes("@") || lower.length > longestAddress || lower.endsWith(forgotten)) return undefined
  return createHash("md5").update(lower).digest("hex")
}
