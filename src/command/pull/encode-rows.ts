import { list, lists } from "../../client/account.ts"
import type { Service } from "../../client/request.ts"
import type { ListDetails } from "../../client/types.ts"
import { createCsvFile } from "../../exports/formats/csv/csv-file.ts"
import { createFieldColumns } from "../../exports/formats/csv/field-columns.ts"
import type { ListColumns } from "../../exports/formats/csv/list-columns.ts"
import { createMailchimpColumns } from "../../exports/formats/csv/mailchimp-columns.ts"
import type { Selection } from "./selection.ts"

/** Converts rows to the bytes of a file. */
export type RowEncoder = {
  /** What the file begins with. */
  readonly header: string
  encode(rows: Uint8Array): Uint8Array
}

/** How many lists are read concurrently. */
const listsAtOnce = 4
const newline = Buffer.from("\n")

/** The columns of a CSV file are those of the service: Mailchimp's own, or the selected fields. */
export async function createRowEncoder(selection: Selection, service: Service): Promise<RowEncoder> {
  if (selection.format === "ndjson") return { header: "", encode: (rows) => rows }
  const columns = selection.fields
    ? createFieldColumns(selection.fields)
    : createMailchimpColumns((await readLists(selection.lists, service)).map(toListColumns))
  const csv = createCsvFile(columns, { formulas: selection.formulas, bom: selection.bom })
  const header = Buffer.concat([csv.start(), csv.end()]).toString()
  let lines = Buffer.from(newline)
  return {
    header,
    encode: (rows) => {
      // One buffer for all rows, because new ones would take 7 MB more until their garbage is collected.
      if (lines.length < rows.length) lines = Buffer.concat([newline], rows.length)
      lines.set(rows.subarray(0, -1), newline.length)
      // The encoder expects each row after a newline, and holds back the last bytes.
      const written = csv.rows(lines.subarray(0, rows.length))
      return Buffer.concat([written, csv.end()])
    },
  }
}

async function readLists(selected: readonly string[] | undefined, service: Service): Promise<ListDetails[]> {
  const ids = selected ?? (await lists(service)).map(({ id }) => id)
  const details: ListDetails[] = []
  for (let at = 0; at < ids.length; at += listsAtOnce)
    details.push(...(await Promise.all(ids.slice(at, at + listsAtOnce).map((id) => list(id, service)))))
  return details
}

function toListColumns({ id, name, merge_fields: mergeFields, interests }: ListDetails): ListColumns {
  const titles = [...new Set(interests.map(({ category }) => category))]
  const interestCategories = titles.map((title) => ({
    id: title,
    title,
    interests: interests.filter(({ category }) => category === title),
  }))
  return { id, name, mergeFields, interestCategories }
}
