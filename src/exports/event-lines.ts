import { z } from "zod"
import { errorTable } from "../errors.ts"

const listId = z.string().meta({ description: "The id of the list, as in /lists" })
const date = z.iso.datetime()
const count = z.int().nonnegative()

const rows = count.meta({ description: "Members in this response so far" })
const cursor = z.string().meta({
  description: "Resumes the export after everything received so far: send it as `cursor` or Export-Cursor",
})

/** Mailchimp's own words about a failure. */
export const upstreamSchema = z.object({
  status: z.int(),
  title: z.string().optional(),
  detail: z.string().optional(),
  instance: z.string().optional(),
})

/** The fields of a failure, as in a problem. */
const failure = {
  code: z.enum(Object.keys(errorTable)).meta({ description: "The code of the problem" }),
  detail: z.string().meta({ description: "What is wrong and what to do, for a person" }),
  retryable: z.boolean().meta({ description: "Whether the same request may succeed later" }),
  upstream: upstreamSchema.optional().meta({ description: "Mailchimp's own error" }),
}

const start = z
  .object({
    $export: z.literal("start"),
    id: z.string().meta({ description: "The id of the request, as in X-Request-Id and in the log" }),
    horizon: date.optional().meta({
      description:
        "Changes up to this second are in every list; missing if Mailchimp's clock is not known yet",
    }),
    lists: z
      .array(
        z.object({
          id: listId,
          name: z.string().optional(),
          estimate: count
            .optional()
            .meta({ description: "About how many members it has, from Mailchimp's own statistics" }),
        }),
      )
      .meta({ description: "The lists in this export" }),
  })
  .meta({ description: "The first line" })

const checkpoint = z
  .object({ $export: z.literal("checkpoint"), cursor, rows })
  .meta({ description: "After the first page, and then after every 1,000 members or every second" })

const progress = z
  .object({
    $export: z.literal("progress"),
    rows,
    estimate: count.meta({ description: "About how many members all lists have together" }),
    requests: count.meta({ description: "Requests for members that were sent to Mailchimp" }),
    waiting_for: z.enum(["permit", "rate_limit", "mailchimp"]).meta({
      description:
        "`permit`: a free connection to Mailchimp; `rate_limit`: its limit of requests per second; `mailchimp`: its response",
    }),
  })
  .meta({ description: "When nothing else was written for ten seconds" })

const deleted = z
  .object({
    $export: z.literal("deleted"),
    list_id: listId,
    at: date.meta({ description: "When this service noticed the deletion" }),
    reason: z
      .enum(["list_deleted", "member_deleted", "address_changed"])
      .meta({ description: "Only `follow` notices members" }),
    id: z.string().optional().meta({ description: "Its id" }),
    new_id: z.string().optional().meta({ description: "Its new id" }),
  })
  .meta({
    description:
      "A list no longer exists, or a member: it was deleted during this export, or since the one that this export continues",
  })

const listError = z
  .object({ $export: z.literal("list_error"), list_id: listId, ...failure })
  .meta({ description: "The list cannot be read; the others still are, and the export ends short" })

const error = z
  .object({ $export: z.literal("error"), ...failure, cursor })
  .meta({ description: "The last line if the export fails; then the transfer breaks" })

const end = z
  .object({
    $export: z.literal("end"),
    status: z.enum(["complete", "short"]).meta({
      description:
        "`complete`: every member was delivered; `short`: some may be missing, because a list could not be read or Mailchimp's counts and members disagree. The next export, with this `cursor`, delivers them",
    }),
    rows,
    lists: z
      .array(
        z.object({
          id: listId,
          rows: count.meta({ description: "Members of the list in this response" }),
          short: z.literal(true).optional().meta({
            description:
              "Members of this list may be missing: it could not be read, as `code` says, or Mailchimp's counts and members disagree",
          }),
          total_items: count.optional().meta({
            description:
              "Mailchimp's count of the selected members when the list was begun, without archived members that come along. Missing after a failure, with several statuses, and sometimes for a list that was done before the export was resumed",
          }),
          count_differs: z
            .int()
            .optional()
            .meta({ description: "Mailchimp's count less the members it has; missing if they agree" }),
          as_of: date.optional().meta({
            description:
              "Every member that was in the list from the start of the export to this second was delivered, in the version of this second or a later one; missing after a failure",
          }),
          code: failure.code.optional().meta({ description: "Why the list could not be read" }),
        }),
      )
      .meta({ description: "The outcome of each list; a list that was deleted meanwhile has none" }),
    count_differs: z.int().optional().meta({ description: "The sum over the lists; missing if it is zero" }),
    cursor: z.string().optional().meta({
      description:
        "Starts the next export, of what is missing or changes from now on; missing with before_last_changed, because later changes were not read",
    }),
    duration_ms: count.meta({ description: "How long the response took" }),
  })
  .meta({
    description:
      "The last line of an export that did not fail; with `follow`, lines and members come after it",
  })

const caughtUp = z
  .object({
    $export: z.literal("caught_up"),
    as_of: date.optional().meta({ description: "Changes up to this second were delivered" }),
    cursor,
    interval_s: count.meta({ description: "How often a list is read without a delivery" }),
  })
  .meta({ description: "Only with `follow`, when lists were read" })

/** A line of the stream that is not a member: an object with a key that no member has. */
export const eventLineSchema = z.discriminatedUnion("$export", [
  start,
  checkpoint,
  progress,
  deleted,
  listError,
  error,
  end,
  caughtUp,
])

export type EventLine = z.infer<typeof eventLineSchema>

/** One kind of event line. */
export type EventLineOf<Kind extends EventLine["$export"]> = Extract<EventLine, { $export: Kind }>
