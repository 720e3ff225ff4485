import { expect, test } from "bun:test"
import { createProgress } from "../../src/console/progress.ts"

const start = {
  $export: "start" as const,
  id: "1",
  lists: [
    { id: "a", name: "Newsletter", estimate: 900 },
    { id: "b", estimate: 100 },
  ],
}

test("rows are counted by list, and the rate of the last seconds says how long it takes", () => {
  let ms = 0
  const progress = createProgress(() => ms)
  progress.note(start)
  expect(progress.secondsLeft()).toBeUndefined()
  progress.add(100, "a")
  progress.add(100, "b")
  ms = 2000
  expect([progress.rows, progress.estimate, progress.ratePerSecond()]).toEqual([200, 1000, 100])
  expect(progress.secondsLeft()).toBe(8)
  expect(progress.lists).toEqual([
    { id: "a", name: "Newsletter", estimate: 900, rows: 100 },
    { id: "b", name: "b", estimate: 100, rows: 100 },
  ])
  ms = 8000
  expect(progress.ratePerSecond()).toBe(0)
})

test("a response that resumes changes no estimate, and what it waits for passes with the next line", () => {
  const progress = createProgress(() => 0)
  progress.note(start)
  progress.note({ $export: "progress", rows: 1, estimate: 1000, requests: 1, waiting_for: "rate_limit" })
  expect(progress.waitingFor).toBe("rate_limit")
  progress.note({ ...start, lists: [{ id: "b", estimate: 5 }] })
  expect([progress.waitingFor, progress.estimate]).toEqual([undefined, 1000])
})

test("rows without a list belong to the only list", () => {
  const progress = createProgress(() => 0)
  progress.note({ ...start, lists: start.lists.slice(0, 1) })
  progress.add(7, undefined)
  expect(progress.lists[0]?.rows).toBe(7)
})
