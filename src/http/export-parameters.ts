import { z } from "@hono/zod-openapi"
import { invalidParameters } from "../errors.ts"
import { eventLineSchema } from "../exports/event-lines.ts"
import type { EncoderInput, Format } from "../exports/formats/format.ts"
import { formatNames } from "../exports/formats/formats.ts"
import { fieldPattern } from "../exports/member-field-names.ts"
import { parseSelection, type Selection } from "../exports/selection.ts"
import { chooseFormat } from "./choose-format.ts"
import { date, listIdPattern, once, oneOf, sealedText, subAccountId, wholeNumber } from "./parameters.ts"

export const statuses = [
  "subscribed",
  "unsubscribed",
  "cleaned",
  "pending",
  "transactional",
  "archived",
] as const

const statusPattern = new RegExp(`^(${statuses.join("|")})$`)

/** More members than any account has, and exact as a number. */
const largestOffset = 999_999_999_999_999

const eventKinds = eventLineSchema.options.flatMap(({ shape }) => [...shape.$export.values])

/** A request line has room for no more. */
export const maxLists = 500

/** One or more values, separated by commas, each of which the pattern matches. A value that comes twice is refused. */
const listOf = (pattern: RegExp, reason: string) =>
  z
    .string("must be given only once, with commas between its values")
    .transform((text) => text.split(","))
    .refine((values) => values.every((value) => pattern.test(value)), reason)
    .refine((values) => new Set(values).size === values.length, "must not name anything twice")

/** How {@link listOf} is documented. */
const commaSeparated = (items: { type: "string"; enum?: string[]; pattern?: string }) =>
  ({ type: "array", minItems: 1, items, param: { style: "form", explode: false } }) as const

const names = z
  .union([once.transform((value) => [value]), z.array(z.string())], "must be names of fields")
  .openapi({
    type: "array",
    minItems: 1,
    items: { type: "string", pattern: fieldPattern },
    // Joined by commas, as documented; repeated parameters are accepted as well.
    param: { style: "form", explode: false },
  })

/** The parameters of an export of one list. */
export const exportListQuery = z.strictObject({
  count: wholeNumber(1, 1000, { hint: ", or left out to export every member" }).optional().openapi({
    description: "At most this many members, without events and cursor; 10 if only offset is given",
  }),
  offset: wholeNumber(0, largestOffset).optional().openapi({ description: "Skips this many members" }),
  fields: names.optional().openapi({
    description:
      "Only these fields of a member, such as `merge_fields.FNAME`: repeated, or separated by commas. A merge field or an interest must belong to an exported list",
    example: ["email_address", "merge_fields.FNAME"],
  }),
  exclude_fields: names.optional().openapi({ description: "All fields except these" }),
  status: listOf(
    statusPattern,
    `must be one of ${statuses.join(", ")}, or several of them, separated by commas`,
  )
    .optional()
    .openapi({
      ...commaSeparated({ type: "string", enum: [...statuses] }),
      description: "Only members with one of these statuses; without it, all except archived members",
      example: ["subscribed"],
    }),
  include: oneOf(["archived"])
    .optional()
    .openapi({ description: "Archived members too, which Mailchimp leaves out by default" }),
  since_last_changed: date.optional().openapi({
    description: "Only members changed after this time",
    example: "2026-01-31T08:00:00Z",
  }),
  before_last_changed: date.optional().openapi({
    description: "Only members changed at or before this time; such an export ends without a cursor",
    example: "2026-12-31T23:59:59+01:00",
  }),
  events: oneOf(["true", "false"])
    .optional()
    .openapi({
      description: `Event lines between the members, NDJSON only, not with count or offset: ${eventKinds.join(", ")}`,
    }),
  follow: oneOf(["true", "false"]).optional().openapi({
    description: "With events=true: stays open for changes",
  }),
  cursor: once.optional().openapi({
    ...sealedText,
    description:
      "Resumes a broken export (cursor of a checkpoint or an error), or exports what has changed since (cursor of an end). The header Export-Cursor takes it as well, because proxies often refuse request lines of more than 8 KB",
  }),
  format: oneOf(formatNames).optional().openapi({
    description: "Overrides the Accept header; ndjson if neither is given",
  }),
  formulas: oneOf(["defused", "raw"]).optional().openapi({
    description:
      "CSV only. `defused`, the default: an apostrophe before what a spreadsheet would run as a formula, even a phone number's plus. `raw`: values as they are, for programs and Mailchimp's own import",
  }),
  bom: oneOf(["true", "false"])
    .optional()
    .openapi({ description: "CSV only: begins with a byte order mark, without which Excel misreads UTF-8" }),
  download: oneOf(["true", "false"]).optional().openapi({
    description: "Makes a browser save the response as a file",
  }),
  sub_account_id: subAccountId,
})

/** The parameters of an export of several lists. */
export const exportQuery = exportListQuery.extend({
  list_id: listOf(listIdPattern, "must be ids of lists, as in /lists, separated by commas")
    .refine((ids) => ids.length <= maxLists, `must name at most ${maxLists} lists`)
    .optional()
    .openapi({
      ...commaSeparated({ type: "string", pattern: listIdPattern.source }),
      description: "Only these lists, in this order; without it, every list",
    }),
})

/** The parameter `cursor` as a header, because proxies limit the length of the request line. */
const cursorHeader = "Export-Cursor"
export const exportHeaders = z.object({
  // Headers that are given twice are joined by a comma, which no cursor contains.
  [cursorHeader]: z
    .string()
    .regex(/^[^,]*$/, "must be given only once")
    .optional()
    .openapi({
      ...sealedText,
      description: "The same as the parameter cursor; if both are given, they must be equal",
    }),
})

/** The export that a caller requests: every parameter is valid, and they fit together. */
export type ExportInput = {
  /** The selected lists; undefined for all. */
  readonly listIds: readonly string[] | undefined
  readonly selection: Selection
  readonly format: Format
  readonly formatOptions: EncoderInput["options"]
  readonly hasEvents: boolean
  /** Whether what changes follows after the end. */
  readonly follows: boolean
  /** Whether a browser saves the response as a file. */
  readonly isDownload: boolean
  readonly cursor: string | undefined
}

/**
 * Parses the parameters and headers of an export.
 *
 * @throws {AppError} `invalid_parameter`, or `not_acceptable`
 */
export function parseExportInput(
  query: z.output<typeof exportListQuery> & { readonly list_id?: readonly string[] | undefined },
  headers: z.output<typeof exportHeaders>,
  accept: string | undefined,
): ExportInput {
  const selection = parseSelection(query)
  const hasEvents = query.events === "true"
  const resumable = {
    events: hasEvents || undefined,
    cursor: query.cursor,
    [cursorHeader]: headers[cursorHeader],
  }
  const given = Object.entries(resumable).flatMap(([name, value]) => (value === undefined ? [] : [name]))
  const format = chooseFormat(query.format, accept, given.length > 0)
  const formatOptions = { formulas: query.formulas, bom: query.bom === "true" || undefined }
  refuseOddCombinations(given, format, selection)
  refuseOddFollow(query)
  refuseForeignOptions(formatOptions, format)
  const cursor = oneCursor(query.cursor, headers[cursorHeader])
  return {
    listIds: query.list_id,
    selection,
    format,
    formatOptions,
    hasEvents,
    follows: query.follow === "true",
    isDownload: query.download === "true",
    cursor,
  }
}

/** Only a format with event lines can be resumed, and a slice is a sample of the lists that cannot. */
function refuseOddCombinations(given: readonly string[], { hasEvents }: Format, { slice }: Selection): void {
  const errors = given.flatMap((name) => {
    if (!hasEvents) return [{ name, reason: "requires NDJSON: format=ndjson" }]
    return slice ? [{ name, reason: "must not come together with count or offset" }] : []
  })
  if (errors.length > 0) throw invalidParameters(errors)
}

/** What follows has event lines, has no end, and is no file. */
function refuseOddFollow(query: z.output<typeof exportListQuery>): void {
  if (query.follow !== "true") return
  const errors =
    query.events === "true" ? [] : [{ name: "follow", reason: "requires events=true, and so NDJSON" }]
  if (query.before_last_changed !== undefined)
    errors.push({ name: "before_last_changed", reason: "must not come together with follow" })
  if (query.download === "true")
    errors.push({ name: "download", reason: "must not come together with follow" })
  if (errors.length > 0) throw invalidParameters(errors)
}

/** Refuses a parameter of another format, because it would do nothing. */
export function refuseForeignOptions(options: EncoderInput["options"], { parameters }: Format): void {
  const foreign = Object.entries(options).filter(
    ([name, value]) => value !== undefined && !parameters.some((parameter) => parameter === name),
  )
  if (foreign.length > 0)
    throw invalidParameters(foreign.map(([name]) => ({ name, reason: "requires CSV: format=csv" })))
}

/**
 * The cursor, given as a parameter or as a header.
 *
 * @throws {AppError} `invalid_parameter` if both are given and differ
 */
function oneCursor(parameter: string | undefined, header: string | undefined): string | undefined {
  if (parameter === undefined || header === undefined || parameter === header) return parameter ?? header
  throw invalidParameters([
    { name: "cursor", reason: `must equal the header ${cursorHeader}, or be left out` },
    { name: cursorHeader, reason: "must equal the parameter cursor, or be left out" },
  ])
}
