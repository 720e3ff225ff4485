import { type Column, type FileColumns, joinColumns, toColumns } from "./columns.ts"
import { createFields } from "./fields.ts"
import { createFirstColumns, createLastColumns, createSignupColumns, firstFields } from "./fixed-columns.ts"
import { createInterestColumns } from "./interest-columns.ts"
import type { ListColumns } from "./list-columns.ts"
import { createLocationColumns } from "./location-columns.ts"
import { createMergeColumns } from "./merge-columns.ts"

/**
 * The columns of Mailchimp's own export, so that Mailchimp and other importers recognize the file, and STATUS, LIST_ID and
 * LIST_NAME at the end. Columns that are made only of excluded fields are left out.
 *
 * `writeCells` throws `columns_changed` if a member has a merge field, or has chosen an interest, that no column shows.
 */
export function createMailchimpColumns(
  lists: readonly ListColumns[],
  { excludeFields = [] }: { readonly excludeFields?: readonly string[] | undefined } = {},
): FileColumns {
  const member = createFields()
  const isExcluded = createIsExcluded(excludeFields)
  const included = (columns: readonly Column[]) =>
    toColumns(columns.filter(({ field }) => !isExcluded(field)))
  const first = included(createFirstColumns(member))
  const last = joinColumns([
    included(createSignupColumns(member)),
    createLocationColumns(member, isExcluded),
    included(createLastColumns(member, lists)),
  ])
  const uniqueName = createUniqueName([...first.names, ...last.names])
  const columns = joinColumns([
    first,
    ...(isExcluded("merge_fields") ? [] : [createMergeColumns(member, lists, uniqueName, isExcluded)]),
    ...(isExcluded("interests") ? [] : [createInterestColumns(member, lists, uniqueName)]),
    last,
  ])
  return { member, ...columns }
}

/** The fields that all of Mailchimp's own columns are made of, whatever the lists are. */
export const mailchimpFields: readonly string[] = [...new Set(createMailchimpColumns([]).memberFields)]

/** The name of the first column. Undefined if it depends on the lists. */
export function firstNameOf(excludeFields: readonly string[]): string | undefined {
  const isExcluded = createIsExcluded(excludeFields)
  const dependsOnLists =
    firstFields.every(([, field]) => isExcluded(field)) && !["merge_fields", "interests"].every(isExcluded)
  return dependsOnLists ? undefined : createMailchimpColumns([], { excludeFields }).names[0]
}

function createIsExcluded(excludeFields: readonly string[]) {
  return (field: string) =>
    excludeFields.some((excluded) => field === excluded || field.startsWith(`${excluded}.`))
}

/** Numbers a name that another column has, because readers index columns by name, DuckDB regardless of case. */
function createUniqueName(taken: readonly string[]): (name: string) => string {
  const used = new Set(taken.map((name) => name.toLowerCase()))
  return (name) => {
    let unique = name
    for (let number = 2; used.has(unique.toLowerCase()); number += 1) unique = `${name} (${number})`
    used.add(unique.toLowerCase())
    return unique
  }
}
