import type { Range } from "./deduplicate.ts"
import type { Page } from "./source.ts"

/**
 * The rows of the ranges that have one of these statuses, or all if no statuses are given. A row without a status has none of
 * them. For rows that were read and counted: a sweep compares all rows that it has read with what Mailchimp counts.
 */
export function selectStatuses(
  page: Pick<Page, "status">,
  ranges: readonly Range[],
  statuses: readonly string[] | undefined,
): readonly Range[] {
  // rule: if several statuses were requested, rows of others are dropped after they were counted
  if (statuses === undefined) return ranges
  const selected: Range[] = []
  for (const { start, end } of ranges) {
    for (let index = start; index < end; index += 1) {
      if (!statuses.includes(page.status(index) ?? "")) continue
      const last = selected.at(-1)
      if (last?.end === index && index > start) selected[selected.length - 1] = { ...last, end: index + 1 }
      else selected.push({ start: index, end: index + 1 })
    }
  }
  return selected
}
