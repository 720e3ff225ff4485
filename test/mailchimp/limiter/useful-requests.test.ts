import { describe, expect, test } from "bun:test"
import { createUsefulRequests } from "../../../src/mailchimp/limiter/useful-requests.ts"

function afterAnswers(answersMs: readonly number[], perSecond = 10) {
  const useful = createUsefulRequests(perSecond)
  for (const ms of answersMs) useful.answered(ms)
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
  ])("after answers of %j ms, at %d a second, %d side by side", (answersMs, perSecond, most) => {
    expect(afterAnswers(answersMs, perSecond).most(0)).toBe(most)
  })

  test("a time that is not known yet counts as long, and one answer does not tell it", () => {
    const mosts = [[], [5], [5, 5]].map((answersMs) => afterAnswers(answersMs).most(0))
    expect(mosts).toEqual([Infinity, Infinity, 1])
  })

  test("a time that is not known yet counts as what it is said to be", () => {
    const mosts = [[], [3000], [3000, 3000]].map((answersMs) => afterAnswers(answersMs).most(0, 100))
    expect(mosts).toEqual([2, 2, 38])
    expect(afterAnswers([], 1000).most(0, 100)).toBe(126)
  })

  test("one slow answer counts at once, until sixteen faster ones came after it", () => {
    const mosts = [fast, [...fast, 500], [...fast, 500, ...fast], [...fast, 500, ...fast, 20]].map(
      (answersMs) => afterAnswers(answersMs).most(0),
    )
    expect(mosts).toEqual([1, 7, 7, 1])
  })

  test("a slow request counts before it is answered", () => {
    expect([0, 20, 500].map((underWayMs) => afterAnswers(fast).most(underWayMs))).toEqual([1, 1, 7])
  })
})
