import { AppError } from "../../../src/errors.ts"
import type { MembersQuery, Page, Second, Source } from "../../../src/exports/source.ts"
import type { Random } from "./random.ts"
import type { VirtualTime } from "./virtual-time.ts"

export type Status = "subscribed" | "unsubscribed" | "archived" | "deleted"

/** One change of a member. Of those that are visible the one of the highest order counts. */
export type Change = {
  readonly order: number
  /** What `last_changed` says. */
  readonly second: Second
  readonly visibleAt: number
  readonly status: Status
  readonly content: number
}

/** The content of members that have no date, where there are any, until they change. */
export const UNDATED = 7

export type Member = { readonly id: string; readonly changes: Change[] }
export type List = { readonly id: string; readonly members: Member[] }

/** How this Mailchimp misbehaves. Times in seconds. */
export type Settings = {
  /** How many questions it answers at once. */
  readonly permits: number
  readonly pageSize: number
  /** Seconds that the servers' clocks are ahead. */
  readonly servers: readonly number[]
  readonly lateness: number
  /** The order of rows of one second. Some rows may have another place in it with each answer, or all of them. */
  readonly ties: "stable" | "reversed" | "moving" | "shuffled"
  readonly latency: number
  readonly slow: number
  readonly short: number
  readonly failure: number
  /** How likely a question is refused, for good or until the export is resumed. At most three are. */
  readonly refusal: number
  /** Count and rows of an answer are evaluated at different moments. */
  readonly isTorn: boolean
  /** Whether `before_last_changed` finds the second it names, as it does today, or none of it, or is not heeded at all. */
  readonly before: "inclusive" | "exclusive" | "ignored"
  /** Whether `since_last_changed` finds what comes after the second it names, as it does today, or that one as well. */
  readonly since: "exclusive" | "inclusive" | "ignored"
  /** Members without a date, which come before or behind all others; or counts that no reading can reach. */
  readonly oddity: "none" | "undated_first" | "undated_last" | "count_too_high"
}

export type ModelMailchimp = Source & {
  readonly lists: readonly List[]
  change(member: Member, status: Status, content: number): void
  add(list: List, status: Status): Member
  /** The change that a row of a page shows. */
  changeOf(page: Page, index: number): Change
  /** How many questions were answered. */
  answers(): number
}

export function createModelMailchimp(
  lists: readonly List[],
  settings: Settings,
  random: Random,
  time: VirtualTime,
): ModelMailchimp {
  let order = 1
  let answers = 0
  let refusals = 0
  let busy = 0
  const queue: (() => void)[] = []
  let clockAhead = Math.floor(time.now()) - time.now()
  const rowsByList = new Map<List, { readonly rows: readonly Row[]; readonly until: number }>()
  const rowsByPage = new WeakMap<Page, readonly Row[]>()
  const hasUndated = settings.oddity === "undated_first" || settings.oddity === "undated_last"
  const isOrderKept = settings.ties === "stable" || settings.ties === "reversed"
  const clock = () => Math.floor(clockAhead + time.now())

  return {
    lists,
    change,
    add,
    read,
    spare: () => Math.max(0, settings.permits - busy - queue.length),
    clock,
    waitUntil,
    answers: () => answers,
    changeOf,
  }

  function change(member: Member, status: Status, content: number): void {
    const second = Math.floor(time.now() + random.pick(settings.servers))
    const visibleAt = time.now() + (settings.lateness > 0 ? random.between(0, settings.lateness) : 0)
    member.changes.push({ order: order++, second, visibleAt, status, content })
    rowsByList.clear()
  }

  function add(list: List, status: Status): Member {
    const member = { id: `${list.id}-${list.members.length}`, changes: [] }
    list.members.push(member)
    change(member, status, 0)
    return member
  }

  function changeOf(page: Page, index: number): Change {
    return rowsByPage.get(page)![index]!.change
  }

  async function waitUntil(second: Second): Promise<void> {
    while (clock() < second) await time.sleepUntil(second - clockAhead)
  }

  async function read(query: MembersQuery, signal: AbortSignal): Promise<Page> {
    signal.throwIfAborted()
    if (busy < settings.permits) busy += 1
    else await new Promise<void>((resolve) => queue.push(resolve))
    try {
      let count = Math.min(query.count ?? settings.pageSize, settings.pageSize)
      while (random.chance(settings.failure)) {
        await time.sleepUntil(time.now() + random.between(0, 5))
        count = Math.max(Math.min(count, 3), Math.ceil(count / 2))
      }
      if (refusals < 3 && random.chance(settings.refusal)) {
        refusals += 1
        throw new AppError(
          random.pick(["mailchimp_forbidden", "mailchimp_timeout"]),
          "Cannot read the members",
        )
      }
      return await ask(query, count)
    } finally {
      const next = queue.shift()
      if (next) next()
      else busy -= 1
    }
  }

  function ask(query: MembersQuery, count: number): Promise<Page> {
    const list = lists.find(({ id }) => id === query.listId)!
    const askedAt = clock()
    const start = time.now()
    const isSlow = random.chance(settings.slow)
    const end = start + (isSlow ? random.between(0.1, 130) : random.between(0.1, 1) * settings.latency)
    const rowsAt = isSlow && random.chance(0.5) ? Math.min(start + 0.01, end) : random.between(start, end)
    // Were rows of one answer cut off and its count taken when as many had left, no question could ever tell: a world in
    // which those rows never were gives the same answer. So the two evils meet in one export, but not in one answer.
    const isShort = random.chance(settings.short)
    // Were one who leaves between the rows and the count of the first answer made up for by one without a date, no later
    // question that has a filter of dates could ever tell, either.
    const isFirst = hasUndated && query.since === undefined
    const totalAt = settings.isTorn && !isShort && !isFirst ? random.between(start, end) : rowsAt
    const server = random.pick(settings.servers)
    const surplus = settings.oddity === "count_too_high" ? 2 : 0
    let rows: readonly Row[] = []
    let totalItems = 0

    return new Promise((resolve) => {
      time.at(rowsAt, () => {
        const all = select(list, query)
        const length = isShort ? random.int(0, count) : count
        rows = all.slice(query.offset, query.offset + length)
        if (totalAt === rowsAt) totalItems = all.length + surplus
        return false
      })
      if (totalAt !== rowsAt) {
        time.at(totalAt, () => {
          totalItems = select(list, query).length + surplus
          return false
        })
      }
      time.at(end, () => {
        const date = Math.floor(random.between(Math.max(rowsAt, totalAt), end) + server)
        clockAhead = Math.max(clockAhead, date - time.now())
        answers += 1
        resolve(pageOf(rows, totalItems, count, askedAt))
        return true
      })
    })
  }

  function select(list: List, query: MembersQuery): readonly Row[] {
    const { status, since = -Infinity, before = Infinity, direction } = query
    const rows = visibleRows(list).filter(({ change }) => {
      if (!isBetween(change, since, before)) return false
      if (status !== undefined) return change.status === status
      return change.status === "subscribed" || change.status === "unsubscribed"
    })
    return direction === "DESC" ? rows.toReversed() : rows
  }

  function isUndated({ order, content }: Change): boolean {
    return hasUndated && order === 0 && content === UNDATED
  }

  function isBetween(change: Change, since: Second, before: Second): boolean {
    const { second } = change
    // Members without a date are found by no filter of dates.
    if (isUndated(change)) return since === -Infinity && before === Infinity
    const isAfter =
      settings.since === "ignored" || (settings.since === "inclusive" ? second >= since : second > since)
    if (!isAfter || settings.before === "ignored") return isAfter
    return settings.before === "inclusive" ? second <= before : second < before
  }

  /** The members as they are visible now, in the order of their seconds. Kept until something changes. */
  function visibleRows(list: List): readonly Row[] {
    const now = time.now()
    const kept = rowsByList.get(list)
    if (kept && now < kept.until && isOrderKept) return kept.rows
    let until = Infinity
    const rows: Row[] = []
    list.members.forEach(({ id, changes }, index) => {
      const change = changes.findLast(({ visibleAt }) => visibleAt <= now)
      const later = changes.at(-1)
      if (later && later.visibleAt > now)
        for (const { visibleAt } of changes) if (visibleAt > now) until = Math.min(until, visibleAt)
      const tie =
        settings.ties === "shuffled" || (settings.ties === "moving" && random.chance(0.03))
          ? random.between(0, list.members.length)
          : settings.ties === "reversed"
            ? -index
            : index
      if (change) rows.push({ id, change, tie })
    })
    const undatedPlace = settings.oddity === "undated_first" ? -Infinity : Infinity
    const placeOf = ({ change }: Row) => (isUndated(change) ? undatedPlace : change.second)
    const sorted = rows.toSorted((a, b) =>
      placeOf(a) === placeOf(b) ? a.tie - b.tie : placeOf(a) - placeOf(b),
    )
    rowsByList.set(list, { rows: sorted, until })
    return sorted
  }

  function pageOf(rows: readonly Row[], totalItems: number, count: number, askedAt: Second): Page {
    const page: Page = {
      length: rows.length,
      id: (index) => rows[index]!.id,
      second: (index) => {
        const change = rows[index]?.change
        return change && !isUndated(change) ? change.second : undefined
      },
      fingerprint: (index) => bytesOf(rows[index]!.change),
      bytes: () => new Uint8Array(),
      release: () => {},
      totalItems,
      count,
      askedAt,
    }
    rowsByPage.set(page, rows)
    return page
  }
}

type Row = { readonly id: string; readonly change: Change; readonly tie: number }

/** What a row of this change looks like: two changes may look alike, as an edit and its undoing in one second. */
export function bytesOf({ second, status, content }: Change): string {
  return `${second} ${status} ${content}`
}
