import type { MemberStatus } from "./member.ts"
import { createSortedNumbers, type SortedNumbers } from "./sorted-numbers.ts"
import type { Version } from "./version.ts"

/** The fields to sort by. `none` is the order of a request without `sort_field`, on which a reader cannot rely. */
export type SortField = "none" | "last_changed" | "timestamp_opt"

/** The members that a request covers: one status, or `live`, which is every status except `archived`. */
export type Population = MemberStatus | "live"

/** The sorted orders of a list's visible members: one for each field and population that was ever requested. */
export type SortOrders = {
  /** The members of a population, sorted by a field: read by rank and slice, with `sortKey` and `indexOf`. */
  order(field: SortField, population: Population): SortedNumbers
  /** Moves a member to its new rank in each order. */
  replace(index: number, before: Version | undefined, after: Version): void
}

/** The most ids in a list, because the 53 bits of a number hold both the second and the order within a tie. */
export const MAX_MEMBERS = 2 ** 22

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

/** The inverse of a multiplication by an odd number, modulo 2^32 (Newton's iteration). */
function inverse(odd: number): number {
  let found = odd
  for (let step = 0; step < 5; step++) found = Math.imul(found, 2 - Math.imul(odd, found))
  return found
}

/** @param visible the members that the API shows, by index; an order is built from them when it is first requested */
export function createSortOrders(visible: readonly (Version | undefined)[]): SortOrders {
  const orders = new Map<string, { field: SortField; population: Population; numbers: SortedNumbers }>()
  return {
    order(field, population) {
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
    replace(index, before, after) {
      for (const { field, population, numbers } of orders.values()) {
        if (isIn(population, before)) numbers.remove(keyOf(field, before, index))
        if (isIn(population, after)) numbers.add(keyOf(field, after, index))
      }
    },
  }
}

function isIn(population: Population, version: Version | undefined): version is Version {
  if (version === undefined || version.status === "gone") return false
  return population === "live" ? version.status !== "archived" : version.status === population
}

function keyOf(field: SortField, version: Version, index: number): number {
  return sortKey(secondsBy(field, version)) + (Math.imul(index, SHUFFLE) & (MAX_MEMBERS - 1))
}

function secondsBy(field: SortField, version: Version): number {
  switch (field) {
    case "none":
      return 0
    case "last_changed":
      return version.lastChanged
    case "timestamp_opt":
      return version.timestampOpt
  }
}
