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

export type Member = { readonly id: string; readonly changes: Change[] }
export type List = { readonly id: string; readonly members: Member[] }

/** How this Mailchimp misbehaves. Times in seconds. */
export type Settings = {
  readonly pageSize: number
  /** Seconds that the servers' clocks are ahead. */
  readonly servers: readonly number[]
  readonly lateness: number
  readonly ties: "stable" | "reversed" | "shuffled"
  readonly latency: number
  readonly slow: number
  readonly short: number
  readonly failure: number
  /** Count and rows of an answer are evaluated at different moments. */
  readonly isTorn: boolean
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
  let clockAhead = Math.floor(time.now()) - time.now()
  const rowsByPage = new WeakMap<Page, readonly Row[]>()
  const clock = () => Math.floor(clockAhead + time.now())

  return { lists, change, add, read, clock, waitUntil, answers: () => answers, changeOf }

  function change(member: Member, status: Status, content: number): void {
    const second = Math.floor(time.now() + random.pick(settings.servers))
    const visibleAt = time.now() + (settings.lateness > 0 ? random.between(0, settings.lateness) : 0)
    member.changes.push({ order: order++, second, visibleAt, status, content })
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

  async function waitUntil(second: Second, signal: AbortSignal): Promise<void> {
    while (clock() < second) await time.sleepUntil(second - clockAhead, signal)
  }

  async function read(query: MembersQuery, signal: AbortSignal): Promise<Page> {
    let count = Math.min(query.count ?? settings.pageSize, settings.pageSize)
    while (random.chance(settings.failure)) {
      await time.sleepUntil(time.now() + random.between(0, 5), signal)
      count = Math.max(3, Math.ceil(count / 2))
    }
    return ask(query, count, signal)
  }

  function ask(query: MembersQuery, count: number, signal: AbortSignal): Promise<Page> {
    const list = lists.find(({ id }) => id === query.listId)!
    const askedAt = clock()
    const start = time.now()
    const isSlow = random.chance(settings.slow)
    const end = start + random.between(0.1, isSlow ? 130 : 1) * settings.latency
    const rowsAt = isSlow && random.chance(0.5) ? start + 0.01 : random.between(start, end)
    const totalAt = settings.isTorn ? random.between(start, end) : rowsAt
    const server = random.pick(settings.servers)
    let rows: readonly Row[] = []
    let totalItems = 0

    return new Promise((resolve, reject) => {
      signal.addEventListener("abort", () => reject(signal.reason), { once: true })
      time.at(rowsAt, () => {
        const all = select(list, query)
        const isShort = random.chance(settings.short)
        const length = isShort ? random.int(0, count) : count
        rows = all.slice(query.offset, query.offset + length)
        if (totalAt === rowsAt) totalItems = all.length
        return false
      })
      if (totalAt !== rowsAt) {
        time.at(totalAt, () => {
          totalItems = select(list, query).length
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

  function select(
    list: List,
    { status, since = -Infinity, before = Infinity, direction }: MembersQuery,
  ): Row[] {
    const rows: Row[] = []
    list.members.forEach(({ id, changes }, index) => {
      const change = visibleChange(changes, time.now())
      if (!change || change.second <= since || change.second > before) return
      const isLive = change.status === "subscribed" || change.status === "unsubscribed"
      if (status === undefined ? !isLive : change.status !== status) return
      const tie = settings.ties === "stable" ? index : settings.ties === "reversed" ? -index : random.next()
      rows.push({ id, change, tie })
    })
    const sign = direction === "DESC" ? -1 : 1
    return rows.toSorted((a, b) => sign * (a.change.second - b.change.second) || a.tie - b.tie)
  }

  function pageOf(rows: readonly Row[], totalItems: number, count: number, askedAt: Second): Page {
    const page: Page = {
      length: rows.length,
      id: (index) => rows[index]!.id,
      second: (index) => rows[index]?.change.second,
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

export function visibleChange(changes: readonly Change[], time: number): Change | undefined {
  return changes.findLast(({ visibleAt }) => visibleAt <= time)
}

/** What a row of this change looks like: two changes may look alike, as an edit and its undoing in one second. */
export function bytesOf({ second, status, content }: Change): string {
  return `${second} ${status} ${content}`
}
