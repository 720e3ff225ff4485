import { describe, expect, test } from "bun:test"
import { readAhead } from "../../src/exports/read-ahead.ts"

async function* count(log: string[], options: { failAt?: number; end?: number } = {}) {
  try {
    for (let item = 1; item <= (options.end ?? 10); item += 1) {
      log.push(`read ${item}`)
      if (item === options.failAt) throw new Error(`Cannot read ${item}`)
      yield item
    }
  } finally {
    log.push("closed")
  }
}

describe("readAhead()", () => {
  test("yields every item in order", async () => {
    expect(await Array.fromAsync(readAhead(count([], { end: 3 })))).toEqual([1, 2, 3])
  })

  test("reads exactly one item ahead of the current one", async () => {
    const log: string[] = []
    const items = readAhead(count(log))
    expect(log).toEqual([])
    await items.next()
    expect(log).toEqual(["read 1", "read 2"])
    await items.next()
    expect(log).toEqual(["read 1", "read 2", "read 3"])
    await items.return(undefined)
  })

  test("closes the source when the consumer leaves, and ignores the failure of the item that was not taken", async () => {
    const log: string[] = []
    for await (const item of readAhead(count(log, { failAt: 2 }))) {
      expect(item).toBe(1)
      break
    }
    expect(log).toEqual(["read 1", "read 2", "closed"])
  })

  test("fails at the failed item, after yielding the items before it", async () => {
    const seen: number[] = []
    const run = async () => {
      for await (const item of readAhead(count([], { failAt: 3 }))) seen.push(item)
    }
    await expect(run()).rejects.toThrow("Cannot read 3")
    expect(seen).toEqual([1, 2])
  })
})
