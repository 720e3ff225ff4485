import type { Json } from "./members/member.ts"
import type { InterestCategory } from "./members/interests.ts"
import type { MemberTable } from "./members/member-table.ts"
import type { MergeField } from "./seeds.ts"
import type { Webhook } from "./webhooks/webhook.ts"

/** A Mailchimp account with its lists. The identity of its owner is what the metadata endpoint returns. */
export type Account = {
  readonly userId: number
  readonly loginId: number
  readonly loginEmail: string
  readonly accountName: string
  dc: string
  readonly signsWebhooks: boolean
  readonly lists: List[]
  readonly oddLists: readonly Json[]
  readonly tokens: Set<string>
  disabled: boolean
}

export type List = {
  readonly id: string
  readonly webId: number
  readonly name: string
  readonly account: Account
  readonly createdAt: number
  readonly campaignLastSent: number
  readonly mergeFields: readonly MergeField[]
  readonly interestCategories: readonly InterestCategory[]
  readonly table: MemberTable
  readonly webhooks: Webhook[]
}
