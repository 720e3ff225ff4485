import type { ChangeSource } from "../members/member-event.ts"

type WebhookEvents = Record<
  "subscribe" | "unsubscribe" | "profile" | "cleaned" | "upemail" | "campaign",
  boolean
>

/** A webhook of a list. */
export type Webhook = {
  readonly id: string
  readonly url: string
  readonly events: WebhookEvents
  readonly sources: Record<ChangeSource, boolean>
  /** Only for newer accounts: the key of `X-Mailchimp-Signature`. */
  readonly signingSecret: string | undefined
  /** How many requests were sent to it, and how many of them failed. */
  attempts: number
  failures: number
  /** Set by a response of 410, or by too many failures: nothing is sent any more. */
  disabled: boolean
}
