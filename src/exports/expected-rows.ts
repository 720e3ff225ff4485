import type { MailchimpList } from "../mailchimp/lists/lists.ts"
import type { Expected, Source } from "../scan/source.ts"

/** No account is this large: a higher estimate is a mistake. */
const MAX_ROWS = 100_000_000

/** No page arrives faster from Mailchimp. */
const QUICK_MS = 100

type Counts = Pick<MailchimpList, "id" | "memberCount" | "unsubscribeCount" | "cleanedCount">

/**
 * Estimates how many rows a request for all members of a list, or for all members with one status, will return, from the
 * list's own statistics. Mailchimp caches these, and they do not count pending, transactional or archived members.
 *
 * Returns no estimate if the rate may be the limit, because a request that turns out to be useless would then delay all
 * others.
 *
 * @param spare how many requests could start at once, assuming that a response takes `unknownMs` if nothing is known yet
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
    return rows !== undefined && rows <= MAX_ROWS ? { rows, pageRows } : undefined
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
