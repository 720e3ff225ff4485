import { expect, test } from "bun:test"
import { createAttempt } from "../../../src/scan/reconciliation/recount-attempt.ts"
import type { Page } from "../../../src/scan/source.ts"
import { momentOf, pageOfIds } from "../../support/members.ts"

const options = { horizon: 500, until: undefined, marginS: 10 }

function pageOf(ids: string, { totalItems = ids.length, seconds = [100, 100, 100], count = 10 } = {}): Page {
  return {
    ...pageOfIds([...ids]),
    second: (index) => seconds[index],
    fingerprint: (index) => ids[index] ?? "",
    totalItems,
    count,
    sentAt: momentOf(1000),
  }
}

function read(attempt: ReturnType<typeof createAttempt>, ...pages: Page[]): void {
  pages.forEach((page, index) => {
    attempt.observe(page)
    attempt.pass().take(page, index === pages.length - 1)
  })
}

/** The judgement after an ascending pass of `first` and a descending pass of `second`. */
function judge(first: Page[], second: Page[], delivered = false) {
  const attempt = createAttempt(delivered, options)
  read(attempt, ...first)
  expect(attempt.judge(undefined)).toBe("compare")
  attempt.startPass("DESC", false)
  read(attempt, ...second)
  return attempt.judge(undefined)
}

test("two passes that show the same rows are done if a pass delivered them, else they are to be delivered", () => {
  expect(judge([pageOf("ab")], [pageOf("ba")], true)).toBe("done")
  expect(judge([pageOf("ab")], [pageOf("ba")])).toBe("deliver")
})

test("passes are repeated if they show other rows, or if a count changes", () => {
  expect(judge([pageOf("ab")], [pageOf("bc")])).toBe("again")
  expect(judge([pageOf("ab")], [pageOf("ba", { totalItems: 3 })])).toBe("again")
})

test("passes are repeated if one showed parts of a second in two responses", () => {
  const after = pageOf("c", { totalItems: 3 })
  const torn = [pageOf("ab", { totalItems: 3, seconds: [99, 100] }), after]
  expect(judge(torn, [pageOf("cba")])).toBe("again")
  const whole = [pageOf("ab", { totalItems: 3, seconds: [98, 99] }), after]
  expect(judge(whole, [pageOf("cba")])).toBe("deliver")
})

test("the last second of a full page is left to the next page", () => {
  const { take } = createAttempt(false, options).pass()
  const full = pageOf("abc", { count: 3, seconds: [1, 2, 2] })
  expect(take(full, false)).toBe(1)
  expect(take(full, true)).toBe(3)
})

test("nothing may have changed after the watermark of the first response", () => {
  const attempt = createAttempt(false, options)
  read(attempt, pageOf("ab"))
  read(attempt, { ...pageOf("ab"), sentAt: momentOf(2000) })
  expect(attempt.unchangedSince()).toBe(989)
})

test("up to the caller's upper bound, the rows of one second more are compared, but not with what was delivered", () => {
  const attempt = createAttempt(false, { ...options, until: 100 })
  const page = pageOf("abc", { seconds: [100, 100, 101] })
  attempt.observe(page)
  expect(attempt.pass().take(page, true)).toBe(2)
  attempt.startPass("DESC", false)
  read(attempt, pageOf("cba", { seconds: [101, 100, 100] }))
  const delivered = createAttempt(false, options).pass()
  delivered.take(pageOf("ab"), true)
  expect(attempt.judge(delivered.content())).toBe("done")
  delivered.take(pageOf("c"), true)
  expect(attempt.judge(delivered.content())).toBe("deliver")
})
