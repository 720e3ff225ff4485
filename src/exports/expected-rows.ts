import type { MailchimpList } from "../mailchimp/lists/lists.ts"
import type { Expected, Source } from "../scan/source.ts"

/** No account is that large: an estimate above it is a mistake. */
const MOST_ROWS = 100_000_000

/** No page comes faster from Mailchimp. */
const QUICK_MS = 100

type Counts = Pick<MailchimpList, "id" | "memberCount" | "unsubscribeCount" | "cleanedCount">

/**
 * How many rows a request for all members of a list, or for all of one status, will find, by the list's own statistics.
 * Mailchimp caches them, and they lack members who are pending, transactional or archived.
 *
 * Nothing is expected if the rate may be the limit: then a request that turns out to be of no use delays all others.
 *
 * @param spare how many requests could start at once, if an answer takes so long as far as nothing tells
 */
export function createExpectedRows(
  lists: readonly Counts[],
  pageRows: number,
  spare: (unknownMs?: number) => number,
): NonNullable<Source["expected"]> {
  const listById = new Map(lists.map((list) => [list.id, list]))

  return ({ listId, status, since, before }): Expected | undefined => {
    const list = listById.get(listId)
    if (!list || since !== undefined || before !== undefined || spare(QUICK_MS) < spare()) return undefined
    const rows = countOf(list, status)
    return rows !== undefined && rows <= MOST_ROWS ? { rows, pageRows } : undefined
  }
}

function countOf(list: Counts, status: string | undefined): number | undefined {
  const { memberCount, unsubscribeCount, cleanedCount } = list
  switch (status) {
    case undefined:
      return memberCount + unsubscribeCount + cleanedCount
    case "subscribed":
      return memberCount
    case "unsubscribed":
      return unsubscribeCount
    case "cleaned":
      return cleanedCount
    default:
      return undefined
  }
}
