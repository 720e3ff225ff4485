import { expect, test } from "bun:test"
import { createRandom } from "../../../src/sandbox/random.ts"
import { createSortedNumbers } from "../../../src/sandbox/members/sorted-numbers.ts"

test("createSortedNumbers() matches a plain sorted array through thousands of changes", () => {
  const random = createRandom(7)
  const first = Array.from({ length: 5000 }, (_, index) => index * 3)
  const numbers = createSortedNumbers(Float64Array.from(first.toReversed()))
  const expected = new Set(first)
  for (let step = 0; step < 20_000; step++) {
    const value = random.integer(30_000)
    if (random.chance(0.6)) {
      numbers.add(value)
      expected.add(value)
    } else {
      numbers.remove(value)
      expected.delete(value)
    }
  }
  const sorted = [...expected].toSorted((left, right) => left - right)
  expect(numbers.size).toBe(sorted.length)
  expect(numbers.slice(0, sorted.length)).toEqual(sorted)
  for (const value of [-1, 0, 15_000, 29_999, 1e9]) {
    expect(numbers.rank(value)).toBe(sorted.filter((other) => other < value).length)
  }
  expect(numbers.slice(2040, 2060)).toEqual(sorted.slice(2040, 2060))
  for (const value of sorted) numbers.remove(value)
  expect(numbers.size).toBe(0)
  expect(numbers.slice(0, 10)).toEqual([])
  numbers.add(5)
  expect(numbers.slice(0, 10)).toEqual([5])
})
