import { z } from "@hono/zod-openapi"
import { partFormatNamed, partFormats } from "../exports/formats/formats.ts"
import { fieldPattern } from "../exports/member-field-names.ts"
import { parseSelection } from "../exports/selection.ts"
import type { JobRequest } from "../jobs/job.ts"
import { maxLists, refuseForeignOptions, statuses } from "./export-parameters.ts"
import { date, listId, oneOf, sealedText } from "./parameters.ts"

const partFormatNames = partFormats.map(({ name }) => name)

const fieldNames = z
  .array(z.string())
  .min(1, "must not be empty")
  .max(1000, "must have at most 1000 names")
  .openapi({ items: { type: "string", pattern: fieldPattern } })

/** As many values as one needs, and none twice. */
const distinct = <T extends z.ZodType>(
  values: T,
  { max, what }: { readonly max: number; readonly what: string },
) =>
  z
    .array(values)
    .min(1, "must not be empty")
    .max(max, `must name at most ${max} ${what}`)
    .refine((all) => new Set(all).size === all.length, "must not name anything twice")

/** The parameters of an export as JSON. */
export const jobBody = z
  .strictObject({
    list_id: distinct(listId, { max: maxLists, what: "lists" })
      .optional()
      .meta({
        description: "Only these lists; without it, every list of the account",
        example: ["a1b2c3d4e5"],
      }),
    fields: fieldNames.optional().openapi({
      description: "Only these fields of a member, by Mailchimp's dotted names",
      example: ["email_address", "merge_fields.FNAME"],
    }),
    exclude_fields: fieldNames.optional().openapi({ description: "All fields except these" }),
    status: distinct(oneOf(statuses), { max: statuses.length, what: "statuses" }).optional().meta({
      description: "Only members with one of these statuses; without it, all except archived members",
    }),
    include: oneOf(["archived"]).optional().meta({ description: "Archived members too" }),
    since_last_changed: date.optional().openapi({ description: "Only members changed after this time" }),
    before_last_changed: date.optional().openapi({
      description: "Only members changed at or before this time; such an export ends without a cursor",
    }),
    cursor: z
      .string()
      .max(65_536, "must have at most 65536 characters")
      .optional()
      .openapi({
        ...sealedText,
        description:
          "Exports what has changed since: the `cursor` of a job that has ended, or of an export's end line. The cursor of a checkpoint resumes an export",
      }),
    format: oneOf(partFormatNames).default("ndjson").meta({ description: "Of the files" }),
    compression: oneOf(["gzip", "none"]).default("gzip").meta({ description: "Of each part" }),
    formulas: oneOf(["defused", "raw"]).optional().meta({
      description:
        "CSV only. `defused`, the default: an apostrophe before what a spreadsheet would run as a formula. `raw`: values as they are",
    }),
    bom: z
      .boolean()
      .optional()
      .meta({ description: "CSV only: the first part begins with a byte order mark" }),
  })
  .openapi("JobRequest")

/** @throws {AppError} `invalid_parameter` */
export function parseJobRequest(body: z.output<typeof jobBody>): JobRequest {
  const { list_id: listIds, cursor, format, compression, formulas, bom, ...selection } = body
  const options = { formulas, bom: bom || undefined }
  refuseForeignOptions(options, partFormatNamed(format))
  return { listIds, selection: parseSelection(selection), format, compression, cursor, ...options }
}
