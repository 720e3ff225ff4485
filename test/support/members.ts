import { splitMembers } from "../../src/mailchimp/members/split-members.ts"
import { addText } from "../../src/lib/id-sum.ts"
import type { MembersQuery, Moment, Page, Source } from "../../src/scan/source.ts"

export type TestMember = { readonly id: string; readonly last_changed: string } & Record<string, unknown>

/** A member by its number: each a minute after the previous one. */
export function memberOf(number: number, changes: Record<string, unknown> = {}): TestMember {
  return {
    id: number.toString(16).padStart(32, "0"),
    email_address: `${number}@example.com`,
    last_changed: new Date(1_600_000_000_000 + number * 60_000).toISOString().replace(".000Z", "+00:00"),
    ...changes,
  }
}

export function membersOf(count: number, changes: Record<string, unknown> = {}): TestMember[] {
  return Array.from({ length: count }, (_, index) => memberOf(index + 1, changes))
}

/** A request that was sent at this second by all clocks. */
export function momentOf(second: number): Moment {
  return { earliest: second, latest: second, elapsedS: second, datedS: second }
}

/** The parts of a page that consist only of ids. */
export function pageOfIds(ids: readonly string[]) {
  return {
    length: ids.length,
    id: (index: number) => ids[index],
    addIds: (sum: Uint32Array, start: number, end: number) => {
      for (const id of ids.slice(start, end)) addText(sum, id)
    },
    status: () => undefined,
    bytes: () => new Uint8Array(),
    release: () => {},
  }
}

export type TestSource = Source & { readonly queries: MembersQuery[] }

/**
 * A source of lists that do not change, with all changes in the past. A member with `isHidden` is counted, but shown only
 * in descending order. `response` may alter, delay or fail a response.
 */
export function createTestSource(
  lists: Readonly<Record<string, readonly TestMember[]>>,
  options: {
    readonly pageSize?: number
    readonly without?: readonly string[]
    readonly response?: (
      query: MembersQuery,
      signal: AbortSignal,
      response: () => Page,
    ) => Page | Promise<Page>
  } = {},
): TestSource {
  const { pageSize = 1000, without = [], response = (_query, _signal, response) => response() } = options
  const queries: MembersQuery[] = []
  const secondOf = (member: TestMember) => Date.parse(member.last_changed) / 1000

  const responseOf = (query: MembersQuery): Page => {
    const { since = -Infinity, before = Infinity, offset } = query
    const count = Math.min(query.count ?? pageSize, pageSize)
    const matching = (lists[query.listId] ?? [])
      .filter(({ status = "subscribed" }) => (query.status ? status === query.status : status !== "archived"))
      .filter((member) => secondOf(member) > since && secondOf(member) <= before)
      .toSorted((a, b) => secondOf(a) - secondOf(b))
    if (query.direction === "DESC") matching.reverse()
    const shown = matching.filter((member) => query.direction === "DESC" || !member["isHidden"])
    const members = shown.slice(offset, offset + count)
    const body = JSON.stringify({ members, list_id: query.listId, total_items: matching.length })
    return {
      ...splitMembers(Buffer.from(body), { count, offset, without }),
      count,
      sentAt: momentOf(2_000_000_000),
    }
  }

  return {
    queries,
    read: async (query, signal) => {
      signal.throwIfAborted()
      queries.push(query)
      return response(query, signal, () => responseOf(query))
    },
    spare: () => 0,
    now: () => momentOf(2_000_000_000),
    waitUntil: async () => {},
    pause: async () => {},
  }
}

/** A source with pages of ten members that fails from the n-th request on. */
export function createFailingSource(
  lists: Readonly<Record<string, readonly TestMember[]>>,
  n: number,
  error: Error,
): TestSource {
  let requested = 0
  return createTestSource(lists, {
    pageSize: 10,
    response: (_query, _signal, response) => {
      requested += 1
      if (requested >= n) throw error
      return response()
    },
  })
}
