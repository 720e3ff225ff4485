import type { Member } from "./member.ts"

/** Who makes a change: webhooks can be set for each of them. */
export type ChangeSource = "user" | "admin" | "api"

/** What happened to a member, as webhooks tell it. */
export type MemberEvent =
  | { type: "subscribe" | "profile" | "cleaned"; member: Member }
  | { type: "unsubscribe"; member: Member; action: "unsub" | "delete" }
  | { type: "upemail"; member: Member; oldEmail: string }
