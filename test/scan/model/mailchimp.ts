import { AppError } from "../../../src/errors.ts"
import { addText } from "../../../src/lib/id-sum.ts"
import { createMailchimpClock } from "../../../src/mailchimp/mailchimp-clock.ts"
import type { Expected, MembersQuery, Moment, Page, Second, Source } from "../../../src/scan/source.ts"
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
  /** It did not move `last_changed`, so that it is no version of its own. */
  readonly isSilent?: boolean
}

/** The content of members that have no date, where there are any, until they change. */
export const UNDATED = 7

export type Member = {
  readonly id: string
  /** What a row shows as the id: nothing, or what others show as well. Its own id where it is left out. */
  readonly shownId?: "none" | "shared"
  readonly changes: Change[]
}
export type List = { readonly id: string; readonly members: Member[] }

/** Of two clocks at most one is wrong: by so many seconds at a time. No `Date` comes where it is undefined. */
export type Clocks = {
  readonly own: (now: number) => number
  readonly date: (now: number, response: number) => number | undefined
  /** By how much all of Mailchimp is wrong: what it dates, and its `Date`. */
  readonly mailchimp: (now: number) => number
  readonly areRight: boolean
}

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
  /**
   * Members without a date, which come before or behind all others; counts that no reading can reach; or members who are
   * counted, and hidden from readings in ascending order.
   */
  readonly oddity: "none" | "undated_first" | "undated_last" | "count_too_high" | "hidden"
  /** Whether the number of rows that are asked for changes from request to request. */
  readonly hasPagesOfAllSizes: boolean
  /** Whether rows show no more than the status, as with `fields`. */
  readonly hasFewFields: boolean
  readonly clocks: Clocks
  readonly marginS: number
  /** What a list's statistics say of how many rows it has: nothing, about the truth, or anything else. */
  readonly statistics: (rows: number) => Expected | undefined
}

export type ModelMailchimp = Source & {
  readonly lists: readonly List[]
  change(member: Member, status: Status, content: number): void
  add(list: List, status: Status): Member
  /** Answers a question for the lists, as every export begins with: so that its clock is known. */
  readLists(): void
  /** Changes a member without moving `last_changed`. */
  changeSilently(member: Member, content: number): void
  /** The member of a row, and the change that it shows. */
  rowOf(page: Page, index: number): { readonly member: Member; readonly change: Change }
  /** From now on requests for the members of a list fail. */
  fail(list: List, fault: Fault): void
  heal(list: List): void
  faultOf(listId: string): Fault | undefined
  /** How many questions were answered. */
  responses(): number
  /** When the latest response that has a `Date` was dated. */
  datedUntil(): number
}

/** How a list fails alone: it was deleted, it may not be read, or it is not answered for longer than is retried. */
type Fault = "list_not_found" | "mailchimp_forbidden" | "mailchimp_error"

const RETRY_S = 600

export function createModelMailchimp(
  lists: readonly List[],
  settings: Settings,
  random: Random,
  time: VirtualTime,
): ModelMailchimp {
  let order = 1
  let responses = 0
  let datedUntil = Number.NEGATIVE_INFINITY
  let refusals = 0
  let busy = 0
  const queue: (() => void)[] = []
  const rowsByList = new Map<List, { readonly rows: readonly Row[]; readonly until: number }>()
  const rowsByPage = new WeakMap<Page, readonly Row[]>()
  const hasUndated = settings.oddity === "undated_first" || settings.oddity === "undated_last"
  const isOrderKept = settings.ties === "stable" || settings.ties === "reversed"
  const faults = new Map<string, Fault>()
  const clock = {
    now: () => (time.now() + settings.clocks.own(time.now())) * 1000,
    monotonicMs: () => time.now() * 1000,
    sleep: (ms: number) => time.sleepUntil(time.now() + ms / 1000),
  }
  const mailchimpClock = createMailchimpClock({ clock, marginS: settings.marginS })

  return {
    lists,
    change,
    add,
    read,
    spare: () => Math.max(0, settings.permits - busy - queue.length),
    expected,
    now: mailchimpClock.now,
    waitUntil: async (second, mostS, signal) => {
      if (mostS > 6 * settings.marginS) throw new Error(`A wait of ${mostS} s`)
      await mailchimpClock.waitUntil(second, mostS, signal)
    },
    pause: (seconds) => time.sleepUntil(time.now() + seconds),
    readLists: () => observe(time.now()),
    changeSilently,
    fail: (list, fault) => void faults.set(list.id, fault),
    heal: (list) => void faults.delete(list.id),
    faultOf: (listId) => faults.get(listId),
    responses: () => responses,
    datedUntil: () => datedUntil,
    rowOf: (page, index) => rowsByPage.get(page)![index]!,
  }

  function change(member: Member, status: Status, content: number): void {
    const wrongBy = settings.clocks.mailchimp(time.now())
    const second = Math.floor(time.now() + random.pick(settings.servers) + wrongBy)
    const visibleAt = time.now() + (settings.lateness > 0 ? random.between(0, settings.lateness) : 0)
    member.changes.push({ order: order++, second, visibleAt, status, content })
    rowsByList.clear()
  }

  function changeSilently(member: Member, content: number): void {
    const last = member.changes.at(-1)!
    // It would give a date to who has none, and an early one.
    if (isUndated(last)) return
    const visibleAt = Math.max(time.now(), last.visibleAt)
    member.changes.push({ ...last, order: order++, visibleAt, content, isSilent: true })
    rowsByList.clear()
  }

  function add(list: List, status: Status): Member {
    const shown = list.members.some(({ shownId }) => shownId) && random.chance(0.3)
    const member: Member = {
      id: `${list.id}-${list.members.length}`,
      changes: [],
      ...(shown ? { shownId: "none" } : {}),
    }
    list.members.push(member)
    change(member, status, 0)
    return member
  }

  async function read(query: MembersQuery, signal: AbortSignal): Promise<Page> {
    signal.throwIfAborted()
    if (busy < settings.permits) busy += 1
    else await new Promise<void>((resolve) => queue.push(resolve))
    try {
      let count = Math.min(query.count ?? settings.pageSize, settings.pageSize)
      if (settings.hasPagesOfAllSizes && random.chance(0.3)) count = random.int(Math.min(count, 3), count)
      const fault = faults.get(query.listId)
      if (fault) {
        await time.sleepUntil(time.now() + (fault === "mailchimp_error" ? RETRY_S : random.between(0.1, 1)))
        // It may have healed meanwhile, and did not for as long as requests were retried.
        throw new AppError(fault, "Cannot read the members")
      }
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
    const sentAt = mailchimpClock.now()
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
        if (totalAt === rowsAt) totalItems = all.length + surplus
        const shown = settings.oddity === "hidden" && query.direction !== "DESC" ? all.filter(isShown) : all
        const length = isShort ? random.int(0, count) : count
        rows = shown.slice(query.offset, query.offset + length)
        return false
      })
      if (totalAt !== rowsAt) {
        time.at(totalAt, () => {
          totalItems = select(list, query).length + surplus
          return false
        })
      }
      time.at(end, () => {
        responses += 1
        observe(random.between(Math.max(rowsAt, totalAt), end) + server)
        resolve(pageOf(rows, totalItems, count, { ...sentAt, latest: mailchimpClock.now().latest }))
        return true
      })
    })
  }

  /** Sends the `Date` header of a response that was made at a time. */
  function observe(madeAt: number): void {
    const wrongBy = settings.clocks.date(time.now(), responses)
    if (wrongBy === undefined) return
    datedUntil = Math.max(datedUntil, madeAt)
    const date = new Date(
      Math.floor(madeAt + wrongBy + settings.clocks.mailchimp(madeAt)) * 1000,
    ).toUTCString()
    mailchimpClock.observe(date, clock.monotonicMs())
  }

  function expected(query: MembersQuery): Expected | undefined {
    const list = lists.find(({ id }) => id === query.listId)
    const isUnfiltered = query.since === undefined && query.before === undefined
    return list && isUnfiltered ? settings.statistics(select(list, query).length) : undefined
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
    list.members.forEach((member, index) => {
      const { changes } = member
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
      if (change) rows.push({ member, change, tie })
    })
    const undatedPosition = settings.oddity === "undated_first" ? -Infinity : Infinity
    const positionOf = ({ change }: Row) => (isUndated(change) ? undatedPosition : change.second)
    const sorted = rows.toSorted((a, b) =>
      positionOf(a) === positionOf(b) ? a.tie - b.tie : positionOf(a) - positionOf(b),
    )
    rowsByList.set(list, { rows: sorted, until })
    return sorted
  }

  function isShown({ change }: Row): boolean {
    return change.order > 0 || change.content !== UNDATED
  }

  function pageOf(rows: readonly Row[], totalItems: number, count: number, sentAt: Moment): Page {
    const isAlone = rows.filter(({ member }) => member.shownId === "shared").length < 2
    const id = (index: number) => {
      const { member } = rows[index]!
      if (!member.shownId) return member.id
      return member.shownId === "shared" && isAlone ? "shared" : undefined
    }
    const textOf = ({ id, shownId }: Member) => (shownId === "none" ? undefined : (shownId ?? id))
    const bytes = (index: number) => {
      const { member, change } = rows[index]!
      return settings.hasFewFields ? bytesOf(change, settings) : `${member.id} ${bytesOf(change, settings)}`
    }
    const page: Page = {
      length: rows.length,
      id,
      addIds: (sum, start, end) => {
        for (let index = start; index < end; index += 1)
          addText(sum, textOf(rows[index]!.member) ?? bytes(index))
      },
      second: (index) => {
        const change = rows[index]?.change
        return change && !isUndated(change) ? change.second : undefined
      },
      fingerprint: bytes,
      bytes: () => new Uint8Array(),
      release: () => {},
      totalItems,
      count,
      sentAt,
    }
    rowsByPage.set(page, rows)
    return page
  }
}

type Row = { readonly member: Member; readonly change: Change; readonly tie: number }

/** What a row of this change looks like: two changes may look alike, as an edit and its undoing in one second. */
export function bytesOf(
  { second, status, content }: Change,
  { hasFewFields }: Pick<Settings, "hasFewFields">,
): string {
  return hasFewFields ? status : `${second} ${status} ${content}`
}
