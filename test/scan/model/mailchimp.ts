import { AppError } from "../../../src/errors.ts"
import { addText } from "../../../src/lib/id-sum.ts"
import { createMailchimpClock } from "../../../src/mailchimp/mailchimp-clock.ts"
import type { Expected, MembersQuery, Moment, Page, Second, Source } from "../../../src/scan/source.ts"
import { createModelPermits, type Sharing } from "./permits.ts"
import type { Random } from "./random.ts"
import type { VirtualTime } from "./virtual-time.ts"

export type Status = "subscribed" | "unsubscribed" | "cleaned" | "archived" | "deleted"

/** One change of a member. The visible change with the highest order is the member's current version. */
export type Change = {
  readonly order: number
  /** The value of `last_changed`. */
  readonly second: Second
  readonly visibleAt: number
  readonly status: Status
  readonly content: number
  /** The change did not move `last_changed`, so it is not a version of its own. */
  readonly isSilent?: boolean
}

/** The content of members without a date, if there are any, until they change. */
export const UNDATED = 7

export type Member = {
  readonly id: string
  /** What a row shows as its id: nothing, or an id that other rows show as well. If missing, its own id. */
  readonly shownId?: "none" | "shared"
  readonly changes: Change[]
}
export type List = { readonly id: string; readonly members: Member[] }

/** How many seconds each clock is wrong at a time; at most one of them is. If `date` returns undefined, no `Date` is sent. */
export type Clocks = {
  readonly own: (now: number) => number
  readonly date: (now: number, response: number) => number | undefined
  /** How many seconds all of Mailchimp is wrong: `last_changed` as well as `Date`. */
  readonly mailchimp: (now: number) => number
  readonly areRight: boolean
}

/** How this Mailchimp misbehaves. Times in seconds. */
export type Settings = {
  /** How many requests it serves at once. */
  readonly permits: number
  readonly sharing: Sharing
  readonly pageSize: number
  /** Seconds that the servers' clocks are ahead. */
  readonly servers: readonly number[]
  readonly lateness: number
  /** The order of tied rows. With `moving` some rows, with `shuffled` all rows, may change position in each response. */
  readonly ties: "stable" | "reversed" | "moving" | "shuffled"
  readonly latency: number
  readonly slow: number
  readonly short: number
  /** Whether a truncated response has no rows at all. */
  readonly isShortEmpty: boolean
  readonly failure: number
  /** Probability that a request is refused, permanently or until the export is resumed. At most three are refused. */
  readonly refusal: number
  /** The count and the rows of a response are evaluated at different moments. */
  readonly isTorn: boolean
  /** Whether `before_last_changed` includes its own second, as it does today, excludes it, or is ignored. */
  readonly before: "inclusive" | "exclusive" | "ignored"
  /** Whether `since_last_changed` excludes its own second, as it does today, includes it, or is ignored. */
  readonly since: "exclusive" | "inclusive" | "ignored"
  /**
   * Members without a date, sorted before or after all others; counts that no reading can reach; or members that are counted
   * but hidden from readings in ascending order.
   */
  readonly oddity: "none" | "undated_first" | "undated_last" | "count_too_high" | "hidden"
  /** Whether the page size changes from request to request. */
  readonly hasPagesOfAllSizes: boolean
  /** Whether rows show nothing but the status, as with `fields`. */
  readonly hasFewFields: boolean
  readonly clocks: Clocks
  readonly marginS: number
  /** The number of rows according to a list's statistics: unknown, about right, or anything else. */
  readonly statistics: (rows: number) => Expected | undefined
}

export type ModelMailchimp = Omit<Source, "onSpare"> & {
  /** Calls the listener when `spare()` has risen although no response has arrived. */
  onSpare(listener: () => void): Disposable
  /** The lists of all requests so far, one for each request. */
  readonly requested: readonly string[]
  readonly lists: readonly List[]
  change(member: Member, status: Status, content: number): void
  add(list: List, status: Status): Member
  /** Serves the request for the lists with which every export begins, so that Mailchimp's clock is known. */
  readLists(): void
  /** Changes a member without moving `last_changed`. */
  changeSilently(member: Member, content: number): void
  /** The member of a row, and the change that the row shows. */
  rowOf(page: Page, index: number): { readonly member: Member; readonly change: Change }
  /** Makes all later requests for the members of a list fail. */
  fail(list: List, fault: Fault): void
  heal(list: List): void
  faultOf(listId: string): Fault | undefined
  /** How many responses were sent. */
  responses(): number
  /** How often the status of a row was read: once for each new row if several statuses are selected, else never. */
  statusesRead(): number
  /** When the latest response that has a `Date` was dated. */
  datedUntil(): number
}

/** How a list fails alone: it was deleted, reading it is forbidden, or its requests fail for longer than they are retried. */
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
  let statusesRead = 0
  let datedUntil = Number.NEGATIVE_INFINITY
  let refusals = 0
  const permits = createModelPermits(settings.permits, settings.sharing, time)
  const requested: string[] = []
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
    spare: permits.spare,
    onSpare: permits.onSpare,
    requested,
    expected,
    now: mailchimpClock.now,
    waitUntil: async (second, maxS, signal) => {
      if (maxS > 6 * settings.marginS) throw new Error(`A wait of ${maxS} s`)
      await mailchimpClock.waitUntil(second, maxS, signal)
    },
    pause: (seconds) => time.sleepUntil(time.now() + seconds),
    readLists: () => observe(time.now()),
    changeSilently,
    fail: (list, fault) => void faults.set(list.id, fault),
    heal: (list) => void faults.delete(list.id),
    faultOf: (listId) => faults.get(listId),
    responses: () => responses,
    statusesRead: () => statusesRead,
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
    // A silent change of a member without a date would give the member a date, and an early one.
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
    requested.push(query.listId)
    const acquired = permits.acquire()
    if (acquired) await acquired
    try {
      let count = Math.min(query.count ?? settings.pageSize, settings.pageSize)
      if (settings.hasPagesOfAllSizes && random.chance(0.3)) count = random.int(Math.min(count, 3), count)
      const fault = faults.get(query.listId)
      if (fault) {
        await time.sleepUntil(time.now() + (fault === "mailchimp_error" ? RETRY_S : random.between(0.1, 1)))
        // Even if the list has healed by now, the fault lasted as long as requests were retried.
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
      return await request(query, count)
    } finally {
      permits.release()
    }
  }

  function request(query: MembersQuery, count: number): Promise<Page> {
    const list = lists.find(({ id }) => id === query.listId)!
    const sentAt = mailchimpClock.now()
    const start = time.now()
    const isSlow = random.chance(settings.slow)
    const end = start + (isSlow ? random.between(0.1, 130) : random.between(0.1, 1) * settings.latency)
    const rowsAt = isSlow && random.chance(0.5) ? Math.min(start + 0.01, end) : random.between(start, end)
    // If a response were truncated and its count were taken after as many rows had left, no request could detect that: a
    // world in which the rows never existed gives the same response. So both faults may affect one export, not one response.
    const isShort = random.chance(settings.short)
    // If a member left between the rows and the count of the first response, and a member without a date made up for it, no
    // later request with a date filter could detect that either.
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
        const length = isShort ? random.int(0, settings.isShortEmpty ? 0 : count) : count
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

  /** Passes on the `Date` header of a response that was made at a time. */
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
      return change.status !== "archived" && change.status !== "deleted"
    })
    return direction === "DESC" ? rows.toReversed() : rows
  }

  function isUndated({ order, content }: Change): boolean {
    return hasUndated && order === 0 && content === UNDATED
  }

  function isBetween(change: Change, since: Second, before: Second): boolean {
    const { second } = change
    // Date filters do not return members without a date.
    if (isUndated(change)) return since === -Infinity && before === Infinity
    const isAfter =
      settings.since === "ignored" || (settings.since === "inclusive" ? second >= since : second > since)
    if (!isAfter || settings.before === "ignored") return isAfter
    return settings.before === "inclusive" ? second <= before : second < before
  }

  /** The members as they are visible now, sorted by second. Cached until something changes. */
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
      status: (index) => {
        statusesRead += 1
        return rows[index]?.change.status
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

/** The content of a row of this change. Two changes may look the same, e.g. before an edit and after its undo in one second. */
export function bytesOf(
  { second, status, content }: Change,
  { hasFewFields }: Pick<Settings, "hasFewFields">,
): string {
  return hasFewFields ? status : `${second} ${status} ${content}`
}
