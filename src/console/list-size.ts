import type { ExportOptions } from "../client/export-options.ts"
import type { List } from "../client/types.ts"

/** All members of a list but archived ones, as Mailchimp counts them. */
function sizeOf({ member_count, unsubscribe_count, cleaned_count }: List): number {
  return member_count + unsubscribe_count + cleaned_count
}

/**
 * About how many members an export has. Mailchimp counts no pending and no transactional members, of which there are few, and
 * no archived members, of which there may be many: with them the estimate is 0, for unknown.
 */
export function estimateOf(
  lists: readonly List[],
  { status, include }: Pick<ExportOptions, "status" | "include">,
): number {
  if (include === "archived") return 0
  if (status === undefined) return lists.reduce((sum, list) => sum + sizeOf(list), 0)
  const wanted = new Set([status].flat())
  if (wanted.has("archived")) return 0
  return lists.reduce((sum, { member_count, unsubscribe_count, cleaned_count }) => {
    const counted = [
      wanted.has("subscribed") ? member_count : 0,
      wanted.has("unsubscribed") ? unsubscribe_count : 0,
      wanted.has("cleaned") ? cleaned_count : 0,
    ]
    return counted.reduce((total, each) => total + each, sum)
  }, 0)
}
