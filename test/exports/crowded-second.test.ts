import { describe, expect, test } from "bun:test"
import { type CrowdedSecond, createCrowdedSecond } from "../../src/exports/crowded-second.ts"
import type { Page } from "../../src/exports/source.ts"

const query = { listId: "a", since: 99, before: 100, sort: "last_changed" } as const

function page(ids: readonly string[], totalItems: number, count = 4): Page {
  return {
    length: ids.length,
    id: (index) => ids[index]!,
    second: () => 100,
    fingerprint: (index) => ids[index]!,
    bytes: () => new Uint8Array(),
    release: () => {},
    totalItems,
    count,
    askedAt: 1000,
  }
}

function start(delivered: readonly string[] = []) {
  const second = createCrowdedSecond(query, new Set(delivered), new Map())
  return { second, offset: () => second.question()?.query.offset, receive: receiveBy(second) }
}

function receiveBy(second: CrowdedSecond) {
  return (ids: string, totalItems: number) => {
    const { ranges } = second.receive(page([...ids], totalItems))
    return ranges.map(({ start, end }) => ids.slice(start, end)).join("")
  }
}

describe("createCrowdedSecond()", () => {
  test("is complete when all that is counted was seen after it was counted", () => {
    const { second, offset, receive } = start(["a", "b"])
    expect(receive("abcd", 6)).toBe("cd")
    expect(offset()).toBe(3)
    expect(receive("def", 6)).toBe("ef")
    expect(offset()).toBe(0)
    expect(receive("abcd", 6)).toBe("")
    expect(second.question()).toBeUndefined()
    expect(second.isShort()).toBe(false)
  })

  test("reads on behind a gap that leavers opened, and finds what is in it with the next reading", () => {
    const { second, offset, receive } = start()
    receive("abcd", 9)
    // Before this one a, b and c have left: e and f are in the gap.
    expect(offset()).toBe(3)
    expect(receive("ghi", 6)).toBe("ghi")
    expect(offset()).toBe(0)
    expect(receive("defg", 6)).toBe("ef")
    expect(receive("ghi", 6)).toBe("")
    expect(second.question()).toBeUndefined()
    expect(second.isShort()).toBe(false)
  })

  test("is complete whoever left after he was shown, as all that an answer counts was shown after it", () => {
    const { second, receive } = start()
    receive("abcd", 7)
    receive("defg", 7)
    receive("abcd", 5)
    expect(second.question()).toBeUndefined()
    expect(second.isShort()).toBe(false)
  })

  test("counts from a later answer when a row left that was not shown again", () => {
    const { second, receive } = start()
    receive("abcd", 6)
    receive("def", 6)
    receive("abde", 5)
    expect(second.question()?.query.offset).toBe(3)
    receive("ef", 5)
    expect(second.question()?.query.offset).toBe(0)
    receive("abde", 5)
    expect(second.question()).toBeUndefined()
    expect(second.isShort()).toBe(false)
  })

  test("is complete when nothing is left of it", () => {
    const { second, receive } = start(["a"])
    receive("", 0)
    expect(second.question()?.query).toMatchObject({ since: 99, before: undefined, offset: 0, count: 1 })
    second.receive({ ...page(["x"], 1), second: () => 101 })
    expect(second.question()).toBeUndefined()
    expect(second.isShort()).toBe(false)
  })

  test("is short when it is gone for a question up to it, and there for one without an end", () => {
    const { second, receive } = start(["a"])
    receive("", 0)
    receive("a", 5)
    expect(second.question()).toBeUndefined()
    expect(second.isShort()).toBe(true)
  })

  test("ends short when three readings bring nothing new and the count still says more", () => {
    const { second, receive } = start()
    let questions = 0
    for (; second.question() && questions < 50; questions += 1) {
      if (second.question()?.query.offset === 0) receive("abcd", 6)
      else receive("de", 6)
    }
    // Five readings of three questions each: in the second one the rows of the first are counted too, three are in vain.
    expect(questions).toBe(15)
    expect(second.isShort()).toBe(true)
  })

  test("ends short when an answer stays shorter than its count", () => {
    const { second, receive } = start()
    const pauses = []
    for (let questions = 0; second.question() && questions < 50; questions += 1) {
      pauses.push(second.question()?.pauseS)
      receive("", 6)
    }
    expect(pauses).toEqual([undefined, 1, 2, 4])
    expect(second.isShort()).toBe(true)
  })
})
