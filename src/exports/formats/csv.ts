import { z } from "zod"
import { createCsvBeginning } from "./csv/beginning.ts"
import type { FileColumns } from "./csv/columns.ts"
import { createCsvFile } from "./csv/csv-file.ts"
import { createFieldColumns } from "./csv/field-columns.ts"
import { type ListColumns, readListColumns } from "./csv/list-columns.ts"
import { createMailchimpColumns, firstNameOf, mailchimpFields } from "./csv/mailchimp-columns.ts"
import type { EncoderInput, Format, PartEncoder } from "./format.ts"

const nothing = new Uint8Array()

/** The selected fields are columns that are known at once. Mailchimp's own columns depend on the lists' merge fields and interests. */
export function createCsvEncoder(input: EncoderInput): PartEncoder {
  const { fields } = input.selection
  const encoder = fields
    ? createCsvFile(createFieldColumns(fields), input.options)
    : createMailchimpCsv(input)
  return input.continues ? withoutHeader(encoder) : encoder
}

/** Sends the first column's name in pieces while the other columns are read. */
function createMailchimpCsv(input: EncoderInput): PartEncoder {
  const { selection, options, lists, readers, signal, continues } = input
  const { excludeFields = [] } = selection
  const firstName = firstNameOf(excludeFields)
  const beginning = createCsvBeginning(firstName, options)
  let listColumns: readonly ListColumns[] | undefined
  let columns: FileColumns | undefined
  let csv: PartEncoder | undefined
  const readColumns = async () => {
    listColumns = continues?.columns ?? (await readListColumns(lists, readers, { excludeFields, signal }))
    columns = createMailchimpColumns(listColumns, { excludeFields })
  }
  return {
    ready: readColumns(),
    start: () => {
      if (columns === undefined) throw new Error("The columns are not known yet")
      csv = createCsvFile(columns, {
        ...options,
        sentBytes: beginning.sentBytes(),
        isFirstQuoted: firstName === undefined,
      })
      return csv.start()
    },
    rows: (bytes) => csv?.rows(bytes) ?? nothing,
    keepAlive: () => csv?.keepAlive() ?? beginning.piece(),
    endRow: () => csv?.endRow() ?? nothing,
    columns: () => listColumns,
    broken: () => csv?.broken() ?? nothing,
    end: () => csv?.end() ?? nothing,
  }
}

/** `start` is called all the same, because it may prepare what writes the rows. */
function withoutHeader(encoder: PartEncoder): PartEncoder {
  return {
    ...encoder,
    start: () => {
      encoder.start()
      encoder.endRow()
      return nothing
    },
  }
}

export const csv = {
  name: "csv",
  mediaType: "text/csv",
  contentType: "text/csv; charset=utf-8; header=present",
  otherMediaTypes: [],
  fileSuffix: ".csv",
  schema: z.string().meta({
    description:
      "RFC 4180 with a header: the columns of Mailchimp's own export, then STATUS, LIST_ID and LIST_NAME; or with `fields` one column for each field, in the order given",
  }),
  parameters: ["formulas", "bom"],
  cellFields: mailchimpFields,
  hasEvents: false,
  hasParts: true,
  createEncoder: createCsvEncoder,
} as const satisfies Format
