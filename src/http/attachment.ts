/**
 * The header Content-Disposition by which a browser saves an export as a file (RFC 6266), such as
 * `mailchimp_members_a1b2c3d4e5_2026-01-31.csv`. An id has letters, digits, underscores and hyphens, so nothing is escaped.
 *
 * @param listIds the selected lists; undefined for all
 */
export function toAttachment(
  listIds: readonly string[] | undefined,
  fileSuffix: string,
  now: number,
): string {
  const [only, second] = listIds ?? []
  const lists = only === undefined ? "all_lists" : second === undefined ? only : `${listIds?.length}_lists`
  const date = new Date(now).toISOString().slice(0, 10)
  return `attachment; filename="mailchimp_members_${lists}_${date}${fileSuffix}"`
}
