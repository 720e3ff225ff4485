import type { ListResult } from "../scan/list-scan.ts"

/** Whether rows may be missing: the list could not be read, or Mailchimp's counts and rows disagree. */
export function isShort(result: ListResult): boolean {
  return result.isShort || result.error !== undefined
}

/** The ids of the lists that ended short. */
export function shortLists(results: readonly ListResult[]): readonly string[] {
  return results.filter(isShort).map(({ listId }) => listId)
}
