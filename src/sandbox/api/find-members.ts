import type { MemberTable } from "../members/member-table.ts"
import { indexOf, sortKey } from "../members/sort-orders.ts"
import type { Version } from "../members/version.ts"
import type { MembersQuery } from "./members-query.ts"

/** The versions on a page, and how many members match the filters in all. */
export type FoundMembers = { versions: Version[]; totalItems: number }

/**
 * Finds a page: `since` is exclusive and `before` inclusive, to the second. Only dates without the order by
 * `last_changed` check each row of the population; any other query is a range of the order.
 */
export function findMembers(table: MemberTable, query: MembersQuery): FoundMembers {
  const { count, offset, since, before, descending } = query
  const order = table.order(query.sortField, query.population)
  const isDated = since !== undefined || before !== undefined
  const toVersions = (keys: number[]) =>
    keys.flatMap((key) => {
      const version = table.visible(indexOf(key))
      return version ? [version] : []
    })
  if (isDated && query.sortField !== "last_changed") {
    const all = toVersions(order.slice(0, order.size)).filter(
      ({ lastChanged }) =>
        (since === undefined || lastChanged > since) && (before === undefined || lastChanged <= before),
    )
    if (descending) all.reverse()
    return { versions: all.slice(offset, offset + count), totalItems: all.length }
  }
  const low = since === undefined ? 0 : order.rank(sortKey(since + 1))
  const high = Math.max(low, before === undefined ? order.size : order.rank(sortKey(before + 1)))
  const keys = descending
    ? order.slice(Math.max(low, high - offset - count), Math.max(low, high - offset)).toReversed()
    : order.slice(Math.min(high, low + offset), Math.min(high, low + offset + count))
  return { versions: toVersions(keys), totalItems: high - low }
}
