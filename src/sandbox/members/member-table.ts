import type { Clock } from "../../lib/clock.ts"
import { createIdIndex } from "./id-index.ts"
import { secondsOf, writeMember, type Member, type MemberStatus } from "./member.ts"
import { createRowStore } from "./row-store.ts"
import { createSortOrders, MAX_MEMBERS, type SortOrders } from "./sort-orders.ts"
import type { Version } from "./version.ts"

/**
 * The rows of one list: the true state, its history, and what the API already shows. A member is identified by its
 * key, 32 hex digits that are usually the id in its row (memberKeyOf).
 */
export type MemberTable = Pick<SortOrders, "order"> & {
  /** How many members the list has ever had, including deleted members; members are numbered from 0. */
  readonly size: number
  /** The number of the member with this key, gone or not. */
  find(key: string): number | undefined
  /** The true state, whether the API shows it yet or not. */
  latest(index: number): Version | undefined
  /** The state that the API shows. */
  visible(index: number): Version | undefined
  /** Writes a row, for a new member or for an existing key. */
  put(key: string, member: Member, at: number, options?: { isSilent: boolean }): void
  /** Like `put`, but with a row that is already serialized, for seeding. */
  seed(key: string, row: string, times: SeedTimes): void
  remove(index: number, at: number): void
  key(index: number): string
  text(version: Version): string
  bytes(version: Version): Uint8Array
  member(version: Version): Member
}

type SeedTimes = Pick<Version, "lastChanged" | "timestampOpt"> & { status: MemberStatus }

/** An empty table. The API shows a change `visibilityDelayMs()` after it was made, like a replica that lags. */
export function createMemberTable(clock: Clock, visibilityDelayMs: () => number): MemberTable {
  const rows = createRowStore()
  const latest: Version[] = []
  const visible: (Version | undefined)[] = []
  const waiting: { shownAt: number; index: number; version: Version }[] = []
  const orders = createSortOrders(visible)

  const show = (index: number, version: Version) => {
    orders.replace(index, visible[index], version)
    visible[index] = version
  }

  const showWhatIsDue = () => {
    while (waiting[0] !== undefined && waiting[0].shownAt <= clock.now()) {
      const due = waiting.shift()
      if (due) show(due.index, due.version)
    }
  }

  const write = (index: number, version: Version) => {
    latest[index] = version
    const delayMs = visibilityDelayMs()
    if (delayMs === 0 && waiting.length === 0) show(index, version)
    else waiting.push({ shownAt: clock.now() + delayMs, index, version })
  }

  /** The keys of rows that show another id; all other keys are read from their rows, which saves memory. */
  const oddKeys = new Map<number, string>()
  const keyAt = (index: number): string => {
    const version = latest[index]
    const odd = oddKeys.get(index)
    if (odd !== undefined || !version) return odd ?? ""
    return Buffer.from(rows.bytes(version).subarray(7, 39)).toString("latin1")
  }
  const keys = createIdIndex(keyAt)

  const noteKey = (index: number, key: string, row: string) => {
    if (!row.startsWith(`{"id":"${key}"`)) oddKeys.set(index, key)
  }

  const newIndex = (): number => {
    if (latest.length === MAX_MEMBERS)
      throw new RangeError(`Cannot add another member because the list is full: ${MAX_MEMBERS}`)
    return latest.length
  }

  return {
    get size() {
      return latest.length
    },
    find: keys.find,
    latest: (index) => latest[index],
    visible(index) {
      showWhatIsDue()
      return visible[index]
    },
    put(key, member, at, { isSilent } = { isSilent: false }) {
      const known = keys.find(key)
      const index = known ?? newIndex()
      const row = writeMember(member)
      if (known === undefined) keys.add(key)
      noteKey(index, key, row)
      write(index, {
        ...rows.add(row),
        at,
        status: member.status,
        lastChanged: secondsOf(member.last_changed),
        timestampOpt: secondsOf(member.timestamp_opt),
        isSilent,
        previous: latest[index],
      })
    },
    seed(key, row, { status, lastChanged, timestampOpt }) {
      const index = newIndex()
      keys.add(key)
      noteKey(index, key, row)
      const { address, length } = rows.add(row)
      // Written out, because a million objects made by spreading take twice the memory.
      const version: Version = {
        address,
        length,
        at: -Infinity,
        status,
        lastChanged,
        timestampOpt,
        previous: undefined,
      }
      latest[index] = version
      show(index, version)
    },
    remove(index, at) {
      const before = latest[index]
      if (before) write(index, { ...before, at, status: "gone", isSilent: false, previous: before })
    },
    order(field, population) {
      showWhatIsDue()
      return orders.order(field, population)
    },
    key: keyAt,
    text: (version) => rows.text(version),
    bytes: (version) => rows.bytes(version),
    member: (version) => JSON.parse(rows.text(version)),
  }
}
