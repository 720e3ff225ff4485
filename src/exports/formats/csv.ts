import { z } from "zod"
import { createCsvBeginning } from "./csv/beginning.ts"
import type { FileColumns } from "./csv/columns.ts"
import { createCsv } from "./csv/csv.ts"
import { createFieldColumns } from "./csv/field-columns.ts"
import { readListColumns } from "./csv/list-columns.ts"
import { createMailchimpColumns, firstNameOf, mailchimpFields } from "./csv/mailchimp-columns.ts"
import type { Encoder, EncoderInput, Format } from "./format.ts"

const nothing = new Uint8Array()

/** The selected fields are columns that are known at once. Mailchimp's own columns depend on the lists' merge fields and interests. */
export function createCsvEncoder(input: EncoderInput): Encoder {
  const { fields } = input.selection
  return fields ? createCsv(createFieldColumns(fields), input.options) : createMailchimpCsv(input)
}

/** Sends the first column's name in pieces while the other columns are read. */
function createMailchimpCsv({ selection, options, lists, readers, signal }: EncoderInput): Encoder {
  const { excludeFields = [] } = selection
  const firstName = firstNameOf(excludeFields)
  const beginning = createCsvBeginning(firstName, options)
  let columns: FileColumns | undefined
  let csv: Encoder | undefined
  const readColumns = async () => {
    const listColumns = await readListColumns(lists, readers, { excludeFields, signal })
    columns = createMailchimpColumns(listColumns, { excludeFields })
  }
  return {
    ready: readColumns(),
    start: () => {
      if (columns === undefined) throw new Error("The columns are not known yet")
      csv = createCsv(columns, {
        ...options,
        sentBytes: beginning.sentBytes(),
        isFirstQuoted: firstName === undefined,
      })
      return csv.start()
    },
    rows: (bytes) => csv?.rows(bytes) ?? nothing,
    keepAlive: () => csv?.keepAlive() ?? beginning.piece(),
    broken: () => csv?.broken() ?? nothing,
    end: () => csv?.end() ?? nothing,
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
  hasParts: false,
  createEncoder: createCsvEncoder,
} as const satisfies Format
