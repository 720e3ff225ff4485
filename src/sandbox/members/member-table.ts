import type { Clock } from "../../lib/time.ts"
import { secondsOf, writeMember, type Member, type MemberStatus } from "./member.ts"
import { createIdIndex } from "./id-index.ts"
import { createRowStore, type RowRange } from "./row-store.ts"
import { createSortedNumbers, type SortedNumbers } from "./sorted-numbers.ts"

/** The fields to sort by. `none` is the order of a request without `sort_field`, on which a reader cannot rely. */
export type SortField = "none" | "last_changed" | "timestamp_opt" | "timestamp_signup"

/** The members that a request covers: one status, or `live`, which is every status except `archived`. */
export type Population = MemberStatus | "live"

/** One version of a member, valid from a moment on. */
export type Version = RowRange & {
  /** When the version began, in ms; -Infinity for seeded members. */
  readonly at: number
  /** `gone` from the moment at which a member was deleted permanently, or its address and with it its id changed. */
  readonly status: MemberStatus | "gone"
  /** Seconds since the epoch; 0 if the row has none. */
  readonly lastChanged: number
  readonly timestampOpt: number
  readonly timestampSignup: number
  /** Whether `last_changed` does not reflect the change. */
  readonly isSilent?: boolean
  readonly previous: Version | undefined
}

/**
 * The rows of one list: the true state, its history, and what the API already shows. A member is identified by its
 * key, 32 hex digits that are usually the id in its row (memberKeyOf).
 */
export type MemberTable = {
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
  /** Like `put`, but with a row that is already stored, for seeding. */
  seed(key: string, row: string, times: SeedTimes): void
  remove(index: number, at: number): void
  /** The members of a population, sorted by a field: read by rank and slice, with `sortKey` and `indexOf`. */
  order(field: SortField, population: Population): SortedNumbers
  key(index: number): string
  text(version: Version): string
  bytes(version: Version): Uint8Array
  member(version: Version): Member
}

type SeedTimes = Pick<Version, "lastChanged" | "timestampOpt" | "timestampSignup"> & {
  status: MemberStatus
}

/** The most ids in a list, because the 53 bits of a number hold both the second and the order within a tie. */
const MAX_MEMBERS = 2 ** 22

/**
 * A sorted order holds a number for each member: its second, then 22 bits that are its index, shuffled by an invertible
 * multiplication. So ties have a stable order that looks random, and no order needs a comparison function.
 */
export function sortKey(seconds: number): number {
  return seconds * MAX_MEMBERS
}

/** The member for a number of an order. */
export function indexOf(key: number): number {
  return Math.imul(key % MAX_MEMBERS, UNSHUFFLE) & (MAX_MEMBERS - 1)
}

const SHUFFLE = 0x2c9277b5
const UNSHUFFLE = inverse(SHUFFLE)

function shuffled(index: number): number {
  return Math.imul(index, SHUFFLE) & (MAX_MEMBERS - 1)
}

/** The inverse of a multiplication by an odd number, modulo 2^32 (Newton's iteration). */
function inverse(odd: number): number {
  let found = odd
  for (let step = 0; step < 5; step++) found = Math.imul(found, 2 - Math.imul(odd, found))
  return found
}

/** An empty table. The API shows a change `visibilityDelayMs()` after it was made, like a replica that lags. */
export function createMemberTable(clock: Clock, visibilityDelayMs: () => number): MemberTable {
  const rows = createRowStore()
  const latest: Version[] = []
  const visible: (Version | undefined)[] = []
  const waiting: { shownAt: number; index: number; version: Version }[] = []
  const orders = new Map<string, { field: SortField; population: Population; numbers: SortedNumbers }>()

  const isIn = (population: Population, version: Version | undefined): version is Version =>
    version !== undefined &&
    version.status !== "gone" &&
    (population === "live" ? version.status !== "archived" : version.status === population)

  const keyOf = (field: SortField, version: Version, index: number): number =>
    sortKey(secondsBy(field, version)) + shuffled(index)

  const show = (index: number, version: Version) => {
    const before = visible[index]
    for (const { field, population, numbers } of orders.values()) {
      if (isIn(population, before)) numbers.remove(keyOf(field, before, index))
      if (isIn(population, version)) numbers.add(keyOf(field, version, index))
    }
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
        timestampSignup: secondsOf(member.timestamp_signup),
        isSilent,
        previous: latest[index],
      })
    },
    seed(key, row, times) {
      const index = newIndex()
      keys.add(key)
      noteKey(index, key, row)
      const { address, length } = rows.add(row)
      const { status, lastChanged, timestampOpt, timestampSignup } = times
      // Written out, because a million objects made by spreading take twice the memory.
      const version: Version = {
        address,
        length,
        at: -Infinity,
        status,
        lastChanged,
        timestampOpt,
        timestampSignup,
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
      const name = `${field} ${population}`
      const existing = orders.get(name)
      if (existing) return existing.numbers
      const keys: number[] = []
      for (let index = 0; index < visible.length; index++) {
        const version = visible[index]
        if (isIn(population, version)) keys.push(keyOf(field, version, index))
      }
      const numbers = createSortedNumbers(Float64Array.from(keys))
      orders.set(name, { field, population, numbers })
      return numbers
    },
    key: keyAt,
    text: (version) => rows.text(version),
    bytes: (version) => rows.bytes(version),
    member: (version) => JSON.parse(rows.text(version)),
  }
}

function secondsBy(field: SortField, version: Version): number {
  switch (field) {
    case "none":
      return 0
    case "last_changed":
      return version.lastChanged
    case "timestamp_opt":
      return version.timestampOpt
    case "timestamp_signup":
      return version.timestampSignup
  }
}
