import type { Clock } from "../lib/time.ts"
import { createMember, type MemberInput } from "./members/create-member.ts"
import { generateMembers } from "./members/generate-members.ts"
import { createHostileMembers } from "./members/hostile-members.ts"
import {
  createInterestCategories,
  writeInterests,
  type InterestCategory,
  type InterestCategorySeed,
} from "./members/interests.ts"
import { md5, memberKeyOf, secondsOf, type Json } from "./members/member.ts"
import { wideFieldsOf } from "./members/wide-fields.ts"
import { createMemberTable, type MemberTable } from "./members/member-table.ts"
import { createRandom, seedFrom } from "./random.ts"
import type { Webhook } from "./webhooks/webhook.ts"

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
  /** This many more merge fields, each with 255 characters for every invented member: 80 of them make rows of 22 KB. */
  wideFields?: number
}

/** The seed of a Mailchimp account. */
export type AccountSeed = {
  /** Mailchimp's id of the account; together with the data center the key of its limits. */
  userId?: number
  accountName?: string
  loginEmail?: string
  dc?: string
  role?: string
  /** Access tokens that work from the start, for tests that skip OAuth. */
  tokens?: readonly string[]
  /** Newer accounts sign their webhooks. */
  signsWebhooks?: boolean
  lists?: readonly ListSeed[]
  /** Entries of GET /lists that are not lists, sent as they are: with an invalid id, or without an id. */
  oddLists?: readonly Json[]
}

type MergeField = { tag: string; name: string; type: string; required?: boolean }

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

export type Account = {
  readonly userId: number
  readonly loginId: number
  readonly loginEmail: string
  readonly accountName: string
  dc: string
  readonly role: string
  readonly signsWebhooks: boolean
  readonly lists: List[]
  readonly oddLists: readonly Json[]
  readonly tokens: Set<string>
  disabled: boolean
}

/** The data of the sandbox's Mailchimp. */
export type State = {
  readonly accounts: Account[]
  /** A list of any account, because list ids are unique. Throws if there is none: a mistake of the test. */
  list(listId: string): List
  account(userId: number): Account
  accountOfToken(token: string): Account | undefined
  addList(userId: number, seed: ListSeed): List
  removeList(listId: string): void
}

export type StateOptions = {
  seed: number
  clock: Clock
  visibilityDelayMs: () => number
}

/** The accounts of `bun run dev`, of the demo and of tests that give none: two people, one of whom has three lists. */
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

/** Seeded members have last changed before this moment, so that the same seed gives the same bytes on any day. */
const SEEDED_UNTIL = Date.parse("2025-12-31T23:59:59Z")

const defaultMergeFields: readonly MergeField[] = [
  { tag: "FNAME", name: "First Name", type: "text" },
  { tag: "LNAME", name: "Last Name", type: "text" },
  { tag: "ADDRESS", name: "Address", type: "address" },
  { tag: "PHONE", name: "Phone Number", type: "phone" },
  { tag: "BIRTHDAY", name: "Birthday", type: "birthday" },
  { tag: "POINTS", name: "Points", type: "number" },
]

/** Builds everything from the seeds. The same seeds and seed number give the same bytes. */
export function createState(
  seeds: readonly AccountSeed[],
  { seed, clock, visibilityDelayMs }: StateOptions,
): State {
  const accounts: Account[] = []
  const until = Math.min(SEEDED_UNTIL, clock.now() - 3_600_000)

  const list = (listId: string): List => {
    for (const account of accounts) for (const list of account.lists) if (list.id === listId) return list
    throw new RangeError(`Cannot find the list in the sandbox: ${listId}`)
  }
  const account = (userId: number): Account => {
    const found = accounts.find((account) => account.userId === userId)
    if (!found) throw new RangeError(`Cannot find the account in the sandbox: ${userId}`)
    return found
  }

  const addList = (userId: number, listSeed: ListSeed): List => {
    const owner = account(userId)
    const id = listSeed.id ?? md5(`${seed} ${userId} ${owner.lists.length} ${listSeed.name}`).slice(0, 10)
    if (accounts.some((account) => account.lists.some((list) => list.id === id))) {
      throw new RangeError(`Cannot add the list because its id is taken: ${id}`)
    }
    const random = createRandom(seedFrom(seed, id))
    const added: List = {
      id,
      webId: 380_000 + random.integer(100_000),
      name: listSeed.name,
      account: owner,
      createdAt: until - (4 * 365 + random.integer(365)) * 86_400_000,
      campaignLastSent: until - random.integer(60) * 86_400_000,
      mergeFields: [...(listSeed.mergeFields ?? defaultMergeFields), ...wideFieldsOf(listSeed.wideFields)],
      interestCategories: createInterestCategories(id, listSeed.interestCategories ?? []),
      table: createMemberTable(clock, visibilityDelayMs),
      webhooks: [],
    }
    const count = listSeed.count ?? 0
    const imports = listSeed.imports ?? defaultImports(count)
    for (const { id, row, times } of generateMembers(random, added.id, {
      count,
      imports,
      until,
      wideFields: listSeed.wideFields,
      interestCategories: added.interestCategories,
    })) {
      added.table.seed(id, row, times)
      // Rows leave much garbage, and without a collection the heap would grow to twice the size of what is kept.
      if (added.table.size % 100_000 === 0) Bun.gc(true)
    }
    const given = [...(listSeed.hostile ? createHostileMembers() : []), ...(listSeed.members ?? [])]
    for (const [index, input] of given.entries()) {
      const member = createMember(
        { ...writeInterests(added.interestCategories), ...input },
        added.id,
        900_000_000 + index,
        until - (given.length - index) * 1000,
      )
      const key = memberKeyOf(member)
      if (added.table.find(key) !== undefined) {
        throw new RangeError(`Cannot seed a member twice: ${member.email_address}`)
      }
      added.table.seed(key, JSON.stringify(member), {
        status: member.status,
        lastChanged: secondsOf(member.last_changed),
        timestampOpt: secondsOf(member.timestamp_opt),
        timestampSignup: secondsOf(member.timestamp_signup),
      })
    }
    owner.lists.push(added)
    return added
  }

  for (const [index, accountSeed] of seeds.entries()) {
    const loginEmail = accountSeed.loginEmail ?? `owner.${index}@example.com`
    const userId = accountSeed.userId ?? 131_656_250 + index
    if (accounts.some((account) => account.userId === userId)) {
      throw new RangeError(`Cannot seed an account twice: ${userId}`)
    }
    accounts.push({
      userId,
      loginId: 168_278_758 + index,
      loginEmail,
      accountName: accountSeed.accountName ?? `Account ${index}`,
      dc: accountSeed.dc ?? "us19",
      role: accountSeed.role ?? "owner",
      signsWebhooks: accountSeed.signsWebhooks ?? false,
      lists: [],
      oddLists: accountSeed.oddLists ?? [],
      tokens: new Set(accountSeed.tokens ?? []),
      disabled: false,
    })
    for (const listSeed of accountSeed.lists ?? []) addList(userId, listSeed)
  }

  return {
    accounts,
    list,
    account,
    accountOfToken: (token) => accounts.find((account) => account.tokens.has(token)),
    addList,
    removeList(listId) {
      const { account, id } = list(listId)
      account.lists.splice(
        account.lists.findIndex((list) => list.id === id),
        1,
      )
    },
  }
}

/** One import of a fiftieth of the list, and for a big list a second import that is larger than a page. */
function defaultImports(count: number): number[] {
  return [...(count >= 10_000 ? [1_500] : []), Math.min(900, Math.floor(count / 50))]
}
