import { gunzip } from "../../lib/gunzip.ts"
import { type Clock, systemClock } from "../../lib/time.ts"
import { TooLarge } from "../../lib/too-large.ts"
import type { MailchimpClient } from "../client.ts"
import type { Page } from "./page.ts"
import { largestPage } from "./page-history.ts"
import { createPageFailures, smallestPage } from "./page-size.ts"
import { createWaitingRows } from "./waiting-rows.ts"
import { splitMembers } from "./split-members.ts"

/** One request for members of one list. Seconds are whole seconds since the epoch. */
export type MembersQuery = {
  readonly listId: string
  /** Mailchimp's own filter, a single value. Without it archived members are left out. */
  readonly status?: string | undefined
  /** Only members changed after this second. */
  readonly since?: number | undefined
  /** Only members changed at or before this second. */
  readonly before?: number | undefined
  readonly sort: "last_changed" | "timestamp_opt"
  /** Ascending by default. */
  readonly direction?: "ASC" | "DESC" | undefined
  readonly offset: number
  /** The most rows to request, fewer if Mailchimp fails on big pages. By default as many as a page may hold. */
  readonly count?: number | undefined
}

export type ReadMembersOptions = {
  /** The fields of the response to request, dotted: `members.email_address`. By default all. */
  readonly fields?: readonly string[] | undefined
  /** The fields of the response to leave out. Mailchimp refuses a request with both. */
  readonly excludeFields?: readonly string[] | undefined
  /** Keys of a member that only we requested. They are removed from the rows. */
  readonly without?: readonly string[] | undefined
  /** The most rows of a page; 1000 is Mailchimp's own maximum. */
  readonly pageSize?: number
  /** How long from now a page may still be retried: see {@link MailchimpRequest}. */
  readonly deadlineMs?: () => number | undefined
  readonly clock?: Clock
}

/** Requests one page, with all retries. Rejects with the signal's reason, or with a MailchimpError. */
export type ReadMembers = (query: MembersQuery, signal: AbortSignal) => Promise<Page>

const MB = 2 ** 20
/** The target size of a page: ten concurrent pages, each twice in memory, take eighty megabytes. */
const pageBytes = 4 * MB
/** A page with more bytes is not read, but requested again with fewer rows. */
const maxPageBytes = 2 * pageBytes
/** The most bytes of the smallest page. */
const maxBytes = 32 * MB
/** A key that each row has once. It cannot occur within a string, where its quotes would be escaped. */
const rowKey = Buffer.from('"last_changed"')
/** How many rows the beginning of a page must have to estimate the size of a row. */
const fewestRows = 2

/**
 * Reads the members of a connection's lists, page by page.
 *
 * A page is as large as Mailchimp manages ({@link PageSize}), and has at most as many rows as fit into four megabytes, judging
 * by earlier rows of this list or connection. If the size of rows is not known yet, the beginning of a page shows whether the
 * page will be too large. So no page waits for another, and an account with rows of a usual size loses no time.
 */
export function createReadMembers(client: MailchimpClient, options: ReadMembersOptions): ReadMembers {
  const { without, pageSize = largestPage, deadlineMs, clock = systemClock } = options
  const selection = {
    fields: options.fields?.join(","),
    exclude_fields: options.excludeFields?.join(","),
  }
  // The fields determine the size of a row. Hashed, because their names may be many kilobytes.
  const rows = `rows ${Bun.hash(JSON.stringify(selection))}`

  return (query, signal) => {
    const { listId, offset, status } = query
    const size = client.pages.size(`members ${listId}`)
    const fail = createPageFailures(size)
    const rowsOfList = client.pages.rowBytes(`${rows} ${listId}`)
    const rowsOfAll = client.pages.rowBytes(rows)
    let count = 0

    const nextCount = () => {
      const bytesPerRow = rowsOfList.current() ?? rowsOfAll.current() ?? 0
      const fitting = Math.max(smallestPage, Math.floor(pageBytes / bytesPerRow))
      return Math.min(query.count ?? largestPage, Math.max(1, pageSize), size.current(), fitting)
    }
    const limit = () => (count > smallestPage ? maxPageBytes : maxBytes)

    return client.request({
      action: "read the members",
      listId,
      resource: "members",
      signal,
      deadlineMs,
      query: () => {
        count = nextCount()
        return {
          ...selection,
          count,
          offset,
          sort_field: query.sort,
          sort_dir: query.direction ?? "ASC",
          status,
          since_last_changed: toDate(query.since),
          before_last_changed: toDate(query.before),
        }
      },
      parse: (body, sentAt, compressed) => {
        const bytes = body.length
        const options = { listId, count, offset, without }
        const members = splitMembers(body, options)
        size.succeeded(count)
        for (const rows of [rowsOfList, rowsOfAll]) rows.saw(bytes, members.length)
        if (compressed === undefined) return { ...members, count, sentAt }
        const splitAgain = () => splitMembers(gunzip(compressed, maxBytes), options)
        return { ...createWaitingRows(members, { compressed, splitAgain }, clock), count, sentAt }
      },
      maxBytes: limit,
      inspect: (head) => {
        const rows = countRows(head)
        const bytes = Math.ceil((head.length / rows) * count)
        if (rows >= fewestRows && bytes > limit()) throw new TooLarge(bytes, limit())
      },
      onFailure: (error) => {
        const { cause } = error
        if (!(cause instanceof TooLarge)) return fail(error, count)
        for (const rows of [rowsOfList, rowsOfAll]) rows.exceeded(cause.bytes, count)
      },
      isEased: () => nextCount() < count,
    })
  }
}

function countRows(head: Uint8Array): number {
  const bytes = Buffer.from(head.buffer, head.byteOffset, head.length)
  let rows = 0
  for (let at = bytes.indexOf(rowKey); at !== -1; at = bytes.indexOf(rowKey, at + 1)) rows += 1
  return rows
}

/** Years have four digits in a date, but a margin may extend beyond any date that a caller can name. */
const firstSecond = Date.parse("0000-01-01T00:00:00Z") / 1000
const lastSecond = Date.parse("9999-12-31T23:59:59Z") / 1000

function toDate(second: number | undefined): string | undefined {
  if (second === undefined) return undefined
  return new Date(Math.min(Math.max(second, firstSecond), lastSecond) * 1000)
    .toISOString()
    .replace(".000Z", "+00:00")
}
