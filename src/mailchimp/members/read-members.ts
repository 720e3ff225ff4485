import { TooLarge } from "../../lib/too-large.ts"
import type { MailchimpClient } from "../client.ts"
import type { SentAt } from "../mailchimp-clock.ts"
import { largestPage } from "./page-memory.ts"
import { createPageFailures, smallestPage } from "./page-size.ts"

/** One question for members of one list. Seconds are whole seconds since the epoch. */
export type MembersQuery = {
  readonly listId: string
  /** Mailchimp's own filter, one value. Without it archived members are left out. */
  readonly status?: string | undefined
  /** Only members changed after this second. */
  readonly since?: number | undefined
  /** Only members changed at or before this second. */
  readonly before?: number | undefined
  readonly sort: "last_changed" | "timestamp_opt"
  /** Ascending when left out. */
  readonly direction?: "ASC" | "DESC" | undefined
  readonly offset: number
  /** At most so many rows, fewer where Mailchimp fails on big pages. Without it: as many as a page may hold. */
  readonly count?: number | undefined
}

export type MembersPageContext = {
  readonly listId: string
  /** How many rows were asked for, by the attempt that was answered. */
  readonly count: number
  readonly offset: number
  /** When that attempt was sent. */
  readonly sentAt: SentAt
}

/** A page is whatever its parser makes of it, and tells how many rows it has. */
type AnyPage = { readonly length: number }

export type MembersReaderOptions<T extends AnyPage> = {
  /** Makes a page of the body. What it throws is an answer that was not what it should be, and is asked for again. */
  parsePage(body: Uint8Array, context: MembersPageContext): T
  /** The fields of an answer to ask for, dotted: `members.email_address`. Without it: all of them. */
  readonly fields?: readonly string[] | undefined
  /** The fields of an answer to leave out. Mailchimp refuses both at once. */
  readonly excludeFields?: readonly string[] | undefined
  /** Rows of a page at most; 1000 is Mailchimp's own maximum. */
  readonly pageSize?: number
  /** After how long from now a page is not asked for again: see {@link MailchimpRequest}. */
  readonly deadlineMs?: () => number | undefined
}

export type MembersReader<T extends AnyPage> = Pick<MailchimpClient, "now" | "waitUntil" | "pause"> & {
  /** Asks for one page, with all retries. Rejects with the signal's reason, or with a MailchimpError. */
  read(query: MembersQuery, signal: AbortSignal): Promise<T>
}

const MB = 2 ** 20
/** The size of a page is chosen for so many bytes: ten pages side by side, each twice in memory, are eighty megabytes. */
const pageBytes = 4 * MB
/** A page of more bytes is not read, and requested again with fewer rows. */
const mostPageBytes = 2 * pageBytes
/** What the smallest page may have. */
const mostBytes = 32 * MB
/** A key that each row has once, in any spelling of JSON: a quote within a string is escaped. */
const rowKey = Buffer.from('"last_changed"')
/** The beginning of a page tells the size of its rows if it holds a few of them. */
const fewestRows = 2

/**
 * Reads the members of a connection's lists, page by page.
 *
 * A page is as large as Mailchimp can make it ({@link PageSize}), and has no more rows than fit into four megabytes, by the
 * rows of this list or of this connection seen before. While the first page of unknown rows arrives, its beginning shows
 * whether it will be too large. So no page waits for another one, and an account with rows of a usual size loses no time.
 */
export function createMembersReader<T extends AnyPage>(
  client: MailchimpClient,
  options: MembersReaderOptions<T>,
): MembersReader<T> {
  const { parsePage, pageSize = largestPage, deadlineMs } = options
  const selection = {
    fields: options.fields?.join(","),
    exclude_fields: options.excludeFields?.join(","),
  }
  // The fields make the size of a row. Their names may be many kilobytes.
  const rows = `rows ${Bun.hash(JSON.stringify(selection))}`

  return {
    read: (query, signal) => {
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
      const limit = () => (count > smallestPage ? mostPageBytes : mostBytes)

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
        parse: (body, { sentAt }) => {
          const bytes = body.length
          const page = parsePage(body, { listId, count, offset, sentAt })
          size.succeeded()
          for (const rows of [rowsOfList, rowsOfAll]) rows.saw(bytes, page.length)
          return page
        },
        mostBytes: limit,
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
    },

    now: client.now,
    waitUntil: client.waitUntil,
    pause: client.pause,
  }
}

function countRows(head: Uint8Array): number {
  const bytes = Buffer.from(head.buffer, head.byteOffset, head.length)
  let rows = 0
  for (let at = bytes.indexOf(rowKey); at !== -1; at = bytes.indexOf(rowKey, at + 1)) rows += 1
  return rows
}

/** The years that are written with four digits: a margin may reach beyond what a caller can name. */
const firstSecond = Date.parse("0000-01-01T00:00:00Z") / 1000
const lastSecond = Date.parse("9999-12-31T23:59:59Z") / 1000

function toDate(second: number | undefined): string | undefined {
  if (second === undefined) return undefined
  return new Date(Math.min(Math.max(second, firstSecond), lastSecond) * 1000)
    .toISOString()
    .replace(".000Z", "+00:00")
}
