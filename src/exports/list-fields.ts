import { invalidParameters, maxInvalidInputs } from "../errors.ts"
import { nearest } from "../lib/nearest.ts"
import { interestIdOf, mergeTagOf } from "../mailchimp/members/member-fields.ts"
import { unknownField } from "./member-field-names.ts"
import type { Selection } from "./selection.ts"

/** How many names a misspelled merge tag is compared with, because an account may have thousands. */
const maxCandidates = 1000

/** Read the names of a list's own fields: the tags of its merge fields, the ids of its interests. */
export type ListFieldReaders = {
  readonly readTags: (listId: string) => Promise<readonly string[]>
  readonly readInterestIds: (listId: string) => Promise<readonly string[]>
}

/**
 * Refuses merge fields and interests that no exported list has. Reads merge fields only if the selection names any, first
 * those of the first list, then of the others if names are still unknown. Reads interests only if the selection names any,
 * of all lists concurrently, because an interest belongs to a single list.
 *
 * @throws {AppError} `invalid_parameter`
 */
export async function requireListFields(
  selection: Selection,
  listIds: readonly string[],
  { readTags, readInterestIds }: ListFieldReaders,
): Promise<void> {
  const names = selection.fields ?? selection.excludeFields ?? []
  const unknown = await Promise.all([
    findUnknown("merge_fields.", names.map(mergeTagOf), [listIds.slice(0, 1), listIds.slice(1)], readTags),
    findUnknown("interests.", names.map(interestIdOf), [listIds], readInterestIds),
  ])
  const reasons = unknown.flat()
  if (reasons.length === 0) return
  const name = selection.fields ? "fields" : "exclude_fields"
  throw invalidParameters(reasons.slice(0, maxInvalidInputs).map((reason) => ({ name, reason: reason() })))
}

/** Reads the lists one round at a time until every wanted name is known. Returns the reasons for refusing unknown names. */
async function findUnknown(
  prefix: string,
  wanted: readonly (string | undefined)[],
  rounds: readonly (readonly string[])[],
  read: (listId: string) => Promise<readonly string[]>,
): Promise<(() => string)[]> {
  const missing = new Set(wanted.filter((name) => name !== undefined))
  const known = new Set<string>()
  for (const round of rounds) {
    if (missing.size === 0) return []
    // A mistyped name is in no list, so all lists are read, concurrently as far as the account's limit allows.
    const names = await Promise.all(round.map(read))
    for (const name of names.flat()) {
      known.add(name)
      missing.delete(name)
    }
  }
  const candidates = [...known].slice(0, maxCandidates)
  return [...missing].map(
    (name) => () => unknownField(prefix + name, () => prefixed(prefix, nearest(name, candidates))),
  )
}

function prefixed(prefix: string, name: string | undefined): string | undefined {
  return name === undefined ? undefined : prefix + name
}
