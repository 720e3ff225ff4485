import type { Clock } from "../lib/time.ts"
import type { Account, List } from "./account.ts"
import { createList } from "./create-list.ts"
import { md5 } from "./members/member.ts"
import type { AccountSeed, ListSeed } from "./seeds.ts"

/** The accounts and lists of the sandbox. */
export type State = {
  readonly accounts: readonly Account[]
  /** A list of any account, because list ids are unique. Throws if there is none: a mistake of the test. */
  list(listId: string): List
  account(userId: number): Account
  accountOfToken(token: string): Account | undefined
  removeList(listId: string): void
}

export type StateOptions = {
  seed: number
  clock: Clock
  visibilityDelayMs: () => number
}

/** Seeded members have last changed before this moment, so that the same seed gives the same bytes on any day. */
const SEEDED_UNTIL = Date.parse("2025-12-31T23:59:59Z")

/** Builds everything from the seeds. The same seeds and seed number give the same bytes. */
export function createState(
  accountSeeds: readonly AccountSeed[],
  { seed, clock, visibilityDelayMs }: StateOptions,
): State {
  const accounts: Account[] = []
  const until = Math.min(SEEDED_UNTIL, clock.now() - 3_600_000)

  const findList = (listId: string): List | undefined =>
    accounts.flatMap(({ lists }) => lists).find(({ id }) => id === listId)

  const list = (listId: string): List => {
    const found = findList(listId)
    if (!found) throw new RangeError(`Cannot find the list in the sandbox: ${listId}`)
    return found
  }

  const addList = (account: Account, listSeed: ListSeed) => {
    const name = `${seed} ${account.userId} ${account.lists.length} ${listSeed.name}`
    const id = listSeed.id ?? md5(name).slice(0, 10)
    if (findList(id)) throw new RangeError(`Cannot add the list because its id is taken: ${id}`)
    account.lists.push(createList(listSeed, { id, account, seed, until, clock, visibilityDelayMs }))
  }

  for (const [index, accountSeed] of accountSeeds.entries()) {
    const account = createAccount(accountSeed, index)
    if (accounts.some(({ userId }) => userId === account.userId)) {
      throw new RangeError(`Cannot seed an account twice: ${account.userId}`)
    }
    accounts.push(account)
    for (const listSeed of accountSeed.lists ?? []) addList(account, listSeed)
  }

  return {
    accounts,
    list,
    account(userId) {
      const found = accounts.find((account) => account.userId === userId)
      if (!found) throw new RangeError(`Cannot find the account in the sandbox: ${userId}`)
      return found
    },
    accountOfToken: (token) => accounts.find((account) => account.tokens.has(token)),
    removeList(listId) {
      const removed = list(listId)
      const { lists } = removed.account
      lists.splice(lists.indexOf(removed), 1)
    },
  }
}

function createAccount(seed: AccountSeed, index: number): Account {
  return {
    userId: seed.userId ?? 131_656_250 + index,
    loginId: 168_278_758 + index,
    loginEmail: seed.loginEmail ?? `owner.${index}@example.com`,
    accountName: seed.accountName ?? `Account ${index}`,
    dc: seed.dc ?? "us19",
    signsWebhooks: seed.signsWebhooks ?? false,
    lists: [],
    oddLists: seed.oddLists ?? [],
    tokens: new Set(seed.tokens ?? []),
    disabled: false,
  }
}
