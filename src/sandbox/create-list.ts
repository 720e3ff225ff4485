import type { Clock } from "../lib/time.ts"
import type { Account, List } from "./account.ts"
import { createMember } from "./members/create-member.ts"
import { generateMembers } from "./members/generate-members.ts"
import { createHostileMembers, hostileMergeField } from "./members/hostile-members.ts"
import { createInterestCategories, writeInterests } from "./members/interests.ts"
import { createMemberTable } from "./members/member-table.ts"
import { memberKeyOf, secondsOf } from "./members/member.ts"
import { wideFieldsOf } from "./members/wide-fields.ts"
import { createRandom, seedFrom, type Random } from "./random.ts"
import { defaultMergeFields, type ListSeed } from "./seeds.ts"

export type ListOptions = {
  id: string
  account: Account
  /** The number of the sandbox's seed. */
  seed: number
  /** No member has changed after this moment, in ms. */
  until: number
  clock: Clock
  visibilityDelayMs: () => number
}

/** Builds a list with its members. The same options give the same bytes. */
export function createList(
  listSeed: ListSeed,
  { id, account, seed, until, clock, visibilityDelayMs }: ListOptions,
): List {
  const random = createRandom(seedFrom(seed, id))
  const list: List = {
    id,
    webId: 380_000 + random.integer(100_000),
    name: listSeed.name,
    account,
    createdAt: until - (4 * 365 + random.integer(365)) * 86_400_000,
    campaignLastSent: until - random.integer(60) * 86_400_000,
    mergeFields: [
      ...(listSeed.mergeFields ?? defaultMergeFields),
      ...(listSeed.hostile ? [hostileMergeField] : []),
      ...wideFieldsOf(listSeed.wideFields),
    ],
    interestCategories: createInterestCategories(id, listSeed.interestCategories ?? []),
    table: createMemberTable(clock, visibilityDelayMs),
    webhooks: [],
  }
  addInventedMembers(list, listSeed, random, until)
  addGivenMembers(list, listSeed, until)
  return list
}

function addInventedMembers(
  { id: listId, table, interestCategories }: List,
  { count = 0, imports = defaultImports(count), wideFields }: ListSeed,
  random: Random,
  until: number,
): void {
  const options = { count, imports, until, wideFields, interestCategories }
  for (const { id, row, times } of generateMembers(random, listId, options)) {
    table.seed(id, row, times)
    // Rows leave much garbage, and without a collection the heap would grow to twice the size of what is kept.
    if (table.size % 100_000 === 0) Bun.gc(true)
  }
}

function addGivenMembers(
  { id: listId, table, interestCategories }: List,
  { hostile = false, members = [] }: ListSeed,
  until: number,
): void {
  const given = [...(hostile ? createHostileMembers() : []), ...members]
  for (const [index, input] of given.entries()) {
    const member = createMember(
      { ...writeInterests(interestCategories), ...input },
      listId,
      900_000_000 + index,
      until - (given.length - index) * 1000,
    )
    const key = memberKeyOf(member)
    if (table.find(key) !== undefined) {
      throw new RangeError(`Cannot seed a member twice: ${member.email_address}`)
    }
    table.seed(key, JSON.stringify(member), {
      status: member.status,
      lastChanged: secondsOf(member.last_changed),
      timestampOpt: secondsOf(member.timestamp_opt),
    })
  }
}

/** One import of a fiftieth of the list, and for a big list a second import that is larger than a page. */
function defaultImports(count: number): number[] {
  return [...(count >= 10_000 ? [1_500] : []), Math.min(900, Math.floor(count / 50))]
}
