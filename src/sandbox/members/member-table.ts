import type { Clock } from "../../lib/time.ts"
import { createIdIndex } from "./id-index.ts"
import { secondsOf, writeMember, type Member, type MemberStatus } from "./member.ts"
import { createRowStore } from "./row-store.ts"
import { MAX_MEMBERS, type SortOrders } from "./sort-orders.ts"
import type { Version } from "./version.ts"
import { createVisibleVersions } from "./visible-versions.ts"

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
  const visible = createVisibleVersions(clock, visibilityDelayMs)

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
    visible: visible.at,
    put(key, member, at, { isSilent } = { isSilent: false }) {
      const known = keys.find(key)
      const index = known ?? newIndex()
      const row = writeMember(member)
      if (known === undefined) keys.add(key)
      noteKey(index, key, row)
      const version: Version = {
        ...rows.add(row),
        at,
        status: member.status,
        lastChanged: secondsOf(member.last_changed),
        timestampOpt: secondsOf(member.timestamp_opt),
        isSilent,
        previous: latest[index],
      }
      latest[index] = version
      visible.showLater(index, version)
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
      visible.show(index, version)
    },
    remove(index, at) {
      const before = latest[index]
      if (!before) return
      const version: Version = { ...before, at, status: "gone", isSilent: false, previous: before }
      latest[index] = version
      visible.showLater(index, version)
    },
    order: visible.order,
    key: keyAt,
    text: (version) => rows.text(version),
    bytes: (version) => rows.bytes(version),
    member: (version) => JSON.parse(rows.text(version)),
  }
}
