import { expect, test } from "bun:test"
import { createBackOff } from "../../src/client/back-off.ts"
import { MailchimpExportError } from "../../src/client/error.ts"

const errorOf = (code: MailchimpExportError["code"], retryable: boolean, retryAfterS?: number) =>
  new MailchimpExportError(code, { detail: "", retryable, retryAfterS })
const broken = errorOf("network_error", true)
const waits = (backOff: ReturnType<typeof createBackOff>, count: number) =>
  Array.from({ length: count }, () => backOff.next(broken))

test("pauses grow from 100 ms to 10 s, and after maxRetries without progress there is no retry", () => {
  const backOff = createBackOff(8, () => 1)
  expect(waits(backOff, 9)).toEqual([100, 500, 1000, 2000, 4000, 8000, 10_000, 10_000, undefined])
})

test("progress starts the pauses anew", () => {
  const backOff = createBackOff(3, () => 1)
  expect(waits(backOff, 2)).toEqual([100, 500])
  backOff.progress()
  expect(waits(backOff, 4)).toEqual([100, 500, 1000, undefined])
})

test("a pause is random in its second half", () => {
  const backOff = createBackOff(3, () => 0)
  backOff.progress()
  expect(waits(backOff, 2)).toEqual([50, 250])
})

test("Retry-After is heeded", () => {
  const backOff = createBackOff(8, () => 1)
  expect(backOff.next(errorOf("mailchimp_throttled", true, 30))).toBe(30_000)
  expect(backOff.next(errorOf("too_many_exports", true))).toBe(500)
})

test("a pause of more than a minute is the caller's decision", () => {
  expect(createBackOff(8, () => 1).next(errorOf("mailchimp_throttled", true, 61))).toBeUndefined()
})

test("a failure that will not mend is not retried", () => {
  expect(createBackOff(8, () => 1).next(errorOf("invalid_cursor", false))).toBeUndefined()
})
