import type { MemberInput } from "./members/create-member.ts"
import type { InterestCategorySeed } from "./members/interests.ts"
import type { Json } from "./members/member.ts"

/** The seed of a Mailchimp account. */
export type AccountSeed = {
  /** Mailchimp's id of the account; together with the data center the key of its limits. */
  userId?: number
  accountName?: string
  loginEmail?: string
  dc?: string
  /** Access tokens that work from the start, for tests that skip OAuth. */
  tokens?: readonly string[]
  /** Newer accounts sign their webhooks. */
  signsWebhooks?: boolean
  lists?: readonly ListSeed[]
  /** Entries of GET /lists that are not lists, sent unchanged: with an invalid id, or without an id. */
  oddLists?: readonly Json[]
}

/** The seed of a list. */
export type ListSeed = {
  name: string
  /** Ten hex digits; derived from the names by default. */
  id?: string
  /** How many realistic members to invent. */
  count?: number
  /** Members to add to the invented ones. Omitted values become those of a contact about which little is known. */
  members?: readonly MemberInput[]
  /** Adds the members whose values look like JSON themselves (members/hostile-members.ts). */
  hostile?: boolean
  /** Sizes of bulk imports among the invented members: the members of each share one `last_changed`. */
  imports?: readonly number[]
  mergeFields?: readonly MergeField[]
  /** Interest groups; a list without any has members without `interests`. */
  interestCategories?: readonly InterestCategorySeed[]
  /** Adds this many merge fields, each with 255 characters for every invented member: 80 of them make rows of 22 KB. */
  wideFields?: number
}

export type MergeField = {
  tag: string
  name: string
  type: string
  required?: boolean
  /** The values of a dropdown or of radio buttons. */
  choices?: readonly string[]
}

/** The accounts of `bun run dev`, and of tests that give none: two people, one of whom has three lists. */
export const defaultAccounts: readonly AccountSeed[] = [
  {
    accountName: "Analytical Engines",
    loginEmail: "ada@example.com",
    dc: "us19",
    lists: [
      { name: "Newsletter", count: 2500 },
      {
        name: "Customers",
        count: 1200,
        hostile: true,
        interestCategories: [
          { title: "Products", interests: [{ name: "Engines" }, { name: "Punched cards" }] },
          { title: "How often", type: "radio", interests: [{ name: "Weekly" }, { name: "Monthly" }] },
        ],
      },
      { name: "Nobody yet", count: 0 },
    ],
  },
  {
    accountName: "Tanaka Trading",
    loginEmail: "tanaka@example.com",
    dc: "us3",
    signsWebhooks: true,
    lists: [{ name: "お知らせ", count: 300 }],
  },
]

export const defaultMergeFields: readonly MergeField[] = [
  { tag: "FNAME", name: "First Name", type: "text" },
  { tag: "LNAME", name: "Last Name", type: "text" },
  { tag: "ADDRESS", name: "Address", type: "address" },
  { tag: "PHONE", name: "Phone Number", type: "phone" },
  { tag: "BIRTHDAY", name: "Birthday", type: "birthday" },
  { tag: "POINTS", name: "Points", type: "number" },
]
