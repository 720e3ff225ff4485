import type { Cell } from "../../../lib/csv/write-row.ts"

/** One row of Mailchimp, parsed. */
export type Member = Readonly<Record<string, unknown>>

/** Neighboring columns of a CSV file. Their number and order are the same for every member. */
export type Columns = {
  readonly names: readonly string[]
  /** The fields of a member that the cells are made of, as Mailchimp's `fields` names them, without `members.`. */
  readonly memberFields: readonly string[]
  /** Adds the cells of one member, one for each name. */
  addCells(member: Member, cells: Cell[]): void
}

/** One column whose cells depend on nothing but the member. */
export type Column = {
  readonly name: string
  readonly field: string
  readonly cell: (member: Member) => Cell
}

export function toColumns(columns: readonly Column[]): Columns {
  return {
    names: columns.map(({ name }) => name),
    memberFields: [...new Set(columns.map(({ field }) => field))],
    addCells: (member, cells) => {
      for (const { cell } of columns) cells.push(cell(member))
    },
  }
}

export function joinColumns(groups: readonly Columns[]): Columns {
  return {
    names: groups.flatMap(({ names }) => names),
    memberFields: groups.flatMap(({ memberFields }) => memberFields),
    addCells: (member, cells) => {
      for (const group of groups) group.addCells(member, cells)
    },
  }
}
