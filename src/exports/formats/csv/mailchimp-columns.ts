import { joinColumns, toColumns, type Columns } from "./columns.ts"
import { createLastColumns, firstColumns } from "./fixed-columns.ts"
import { createInterestColumns } from "./interest-columns.ts"
import type { ListColumns } from "./list-columns.ts"
import { createMergeColumns } from "./merge-columns.ts"

/**
 * The columns of Mailchimp's own export, so that Mailchimp and other importers recognize the file, and STATUS, LIST_ID and
 * LIST_NAME at the end. Columns that are made only of excluded fields are left out.
 *
 * `addCells` throws `columns_changed` if a member has a merge field, or has chosen an interest, that no column shows.
 */
export function createMailchimpColumns(
  lists: readonly ListColumns[],
  { excludeFields = [] }: { readonly excludeFields?: readonly string[] | undefined } = {},
): Columns {
  const isExcluded = createIsExcluded(excludeFields)
  const first = firstColumns.filter(({ field }) => !isExcluded(field))
  const last = createLastColumns(lists).filter(({ field }) => !isExcluded(field))
  const uniqueName = createUniqueName([...first, ...last].map(({ name }) => name))
  return joinColumns([
    toColumns(first),
    ...(isExcluded("merge_fields") ? [] : [createMergeColumns(lists, uniqueName, isExcluded)]),
    ...(isExcluded("interests") ? [] : [createInterestColumns(lists, uniqueName)]),
    toColumns(last),
  ])
}

/** The fields that all of Mailchimp's own columns are made of, whatever the lists are. */
export const mailchimpFields: readonly string[] = [...new Set(createMailchimpColumns([]).memberFields)]

/** The name of the first column. Undefined if it depends on the lists. */
export function firstNameOf(excludeFields: readonly string[]): string | undefined {
  const isExcluded = createIsExcluded(excludeFields)
  return firstColumns.find(({ field }) => !isExcluded(field))?.name
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
