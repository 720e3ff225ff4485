import { expect, test } from "bun:test"
import { createBatchWrites } from "../../src/webhooks/batch-writes.ts"

test("what comes within 20 ms is written once, each item in order; what comes later is written anew", async () => {
  const written: (readonly number[])[] = []
  const write = createBatchWrites<number>(async (items) => void written.push(items))
  const first = write(1)
  await Bun.sleep(1)
  await Promise.all([first, write(2), write(3)])
  await write(4)
  expect(written).toEqual([[1, 2, 3], [4]])
})

test("resolves only after the write, and rejects for all items of a write that fails", async () => {
  let fails = true
  let isWritten = false
  const write = createBatchWrites<number>(async () => {
    await Bun.sleep(5)
    if (fails) throw new Error("full")
    isWritten = true
  })
  const results = await Promise.allSettled([write(1), write(2)])
  expect(results.map(({ status }) => status)).toEqual(["rejected", "rejected"])
  fails = false
  await write(3)
  expect(isWritten).toBe(true)
})
