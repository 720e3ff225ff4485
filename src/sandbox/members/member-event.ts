import type { Member } from "./member.ts"

/** The source of a change: webhooks are enabled per source. */
export type ChangeSource = "user" | "admin" | "api"

/** What happened to a member, as webhooks report it. */
export type MemberEvent =
  | { type: "subscribe" | "profile" | "cleaned"; member: Member }
  | { type: "unsubscribe"; member: Member; action: "unsub" | "delete" }
  | { type: "upemail"; member: Member; oldEmail: string }
