import type { MailchimpClient } from "./client.ts"
import type { MailchimpError } from "./errors.ts"
import type { SentAt } from "./mailchimp-clock.ts"
import { createPageSize, type PageSize } from "./page-size.ts"

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

export type MembersReaderOptions<T> = {
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

export type MembersReader<T> = Pick<MailchimpClient, "now" | "waitUntil" | "pause"> & {
  /** Asks for one page, with all retries. Rejects with the signal's reason, or with a MailchimpError. */
  read(query: MembersQuery, signal: AbortSignal): Promise<T>
}

const largestPage = 1000

/** Reads the members of a connection's lists, page by page. */
export function createMembersReader<T>(
  client: MailchimpClient,
  options: MembersReaderOptions<T>,
): MembersReader<T> {
  const { parsePage, pageSize = largestPage, deadlineMs } = options
  const selection = {
    fields: options.fields?.join(","),
    exclude_fields: options.excludeFields?.join(","),
  }
  const sizeByList = new Map<string, PageSize>()

  const sizeOf = (listId: string) => {
    const size = sizeByList.get(listId) ?? createPageSize(Math.max(1, Math.min(pageSize, largestPage)))
    sizeByList.set(listId, size)
    return size
  }

  return {
    read: (query, signal) => {
      const { listId, offset, status } = query
      const size = sizeOf(listId)
      let count = 0
      return client.request({
        action: "read the members",
        listId,
        resource: "members",
        signal,
        deadlineMs,
        query: () => {
          count = Math.min(query.count ?? largestPage, size.current())
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
          const page = parsePage(body, { listId, count, offset, sentAt })
          size.succeeded()
          return page
        },
        onFailure: (error) => {
          if (isTooMuch(error)) size.failed(count)
        },
      })
    },

    now: client.now,
    waitUntil: client.waitUntil,
    pause: client.pause,
  }
}

/** Mailchimp answers a page that is too big for an account with 503 or 504, or not in time. */
function isTooMuch({ kind, upstream }: MailchimpError): boolean {
  return kind === "timed_out" || upstream?.status === 503
}

function toDate(second: number | undefined): string | undefined {
  return second === undefined ? undefined : new Date(second * 1000).toISOString().replace(".000Z", "+00:00")
}
