import { describe, expect, test } from "bun:test"
import { createUsefulRequests } from "../../../src/mailchimp/limiter/useful-requests.ts"

function afterResponses(responsesMs: readonly number[], perSecond = 10) {
  const useful = createUsefulRequests(() => perSecond)
  for (const ms of responsesMs) useful.responded(ms)
  return useful
}

const fast = Array.from({ length: 15 }, () => 20)

describe("createUsefulRequests()", () => {
  test.each([
    [[1, 79], 10, 1],
    [[80, 80], 10, 2],
    [[300, 5], 10, 4],
    [[700, 700], 10, 9],
    [[3000, 3000], 10, 38],
    [[300, 300], 1000, 376],
  ])("after responses of %j ms, at %d a second: %d concurrent requests", (responsesMs, perSecond, max) => {
    expect(afterResponses(responsesMs, perSecond).max(0)).toBe(max)
  })

  test("an unknown time counts as infinite, and one response is not enough to know it", () => {
    const mosts = [[], [5], [5, 5]].map((responsesMs) => afterResponses(responsesMs).max(0))
    expect(mosts).toEqual([Infinity, Infinity, 1])
  })

  test("an unknown time counts as the assumed one", () => {
    const mosts = [[], [3000], [3000, 3000]].map((responsesMs) => afterResponses(responsesMs).max(0, 100))
    expect(mosts).toEqual([2, 2, 38])
    expect(afterResponses([], 1000).max(0, 100)).toBe(126)
  })

  test("a slow response counts at once, until sixteen faster responses have followed", () => {
    const mosts = [fast, [...fast, 500], [...fast, 500, ...fast], [...fast, 500, ...fast, 20]].map(
      (responsesMs) => afterResponses(responsesMs).max(0),
    )
    expect(mosts).toEqual([1, 7, 7, 1])
  })

  test("follows a rate that changes", () => {
    let perSecond = 10
    const useful = createUsefulRequests(() => perSecond)
    for (const ms of [300, 300]) useful.responded(ms)
    expect(useful.max(0)).toBe(4)
    perSecond = 2
    expect(useful.max(0)).toBe(1)
  })

  test("a slow request counts while it is still in progress", () => {
    expect([0, 20, 500].map((underWayMs) => afterResponses(fast).max(underWayMs))).toEqual([1, 1, 7])
  })
})
