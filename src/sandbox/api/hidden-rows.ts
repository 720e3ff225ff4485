import type { MemberTable } from "../members/member-table.ts"
import type { Version } from "../members/version.ts"
import { findMembers, type FoundMembers } from "./find-members.ts"
import type { MembersQuery } from "./members-query.ts"

/** A member that some listings leave out. */
export type HiddenRow = {
  listId: string
  memberId: string
  /** The listings without the member: one direction of `sort_dir`, or those with a date filter. */
  from: "ASC" | "DESC" | "dated"
  /** If true, the page has one row less. By default the later rows move up. */
  leavesGap?: boolean
}

/** Finds a page as `findMembers` does, without the rows that are hidden from this request. `total_items` counts them. */
export function findShownMembers(
  table: MemberTable,
  query: MembersQuery,
  hiddenRows: readonly HiddenRow[],
): FoundMembers {
  const gaps = new Set<Version>()
  const missing = new Set<Version>()
  for (const { memberId, from, leavesGap = false } of hiddenRows) {
    const index = table.find(memberId)
    const version = index === undefined ? undefined : table.visible(index)
    if (version && isHiddenFrom(from, query)) (leavesGap ? gaps : missing).add(version)
  }
  const { offset, count } = query
  if (missing.size === 0) return without(gaps, findMembers(table, query))
  const found = findMembers(table, { ...query, offset: 0, count: offset + count + missing.size })
  const { versions, totalItems } = without(missing, found)
  return without(gaps, { versions: versions.slice(offset, offset + count), totalItems })
}

function without(hidden: ReadonlySet<Version>, { versions, totalItems }: FoundMembers): FoundMembers {
  return { versions: versions.filter((version) => !hidden.has(version)), totalItems }
}

function isHiddenFrom(from: HiddenRow["from"], { descending, since, before }: MembersQuery): boolean {
  switch (from) {
    case "ASC":
      return !descending
    case "DESC":
      return descending
    case "dated":
      return since !== undefined || before !== undefined
  }
}
