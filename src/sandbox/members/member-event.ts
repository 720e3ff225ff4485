import type { Member } from "./member.ts"

/** The source of a change: webhooks are enabled per source. */
export type ChangeSource = "user" | "admin" | "api"

/** What happened to a member, as webhooks report it. */
export type MemberEvent =
  | { type: "subscribe" | "profile" | "cleaned"; member: Member }
  | { type: "unsubscribe"; member: Member; action: "unsub" | "delete" }
  | { type: "upemail"; member: Member; oldEmail: string }

/**
 * What happened between two versions of a member. Archiving is reported as an unsubscription, because the API's
 * documentation has no event for archiving.
 */
export function eventsOf(before: Member, after: Member): MemberEvent[] {
  if (before.status === after.status) return [{ type: "profile", member: after }]
  switch (after.status) {
    case "subscribed":
      return [{ type: "subscribe", member: after }]
    case "cleaned":
      return [{ type: "cleaned", member: after }]
    case "unsubscribed":
    case "archived":
      return [{ type: "unsubscribe", member: after, action: "unsub" }]
    case "pending":
    case "transactional":
      return [{ type: "profile", member: after }]
  }
}
