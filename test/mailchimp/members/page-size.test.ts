import { describe, expect, test } from "bun:test"
import { createMailchimpError, type MailchimpErrorKind } from "../../../src/mailchimp/errors.ts"
import {
  createPageFailures,
  createPageSize,
  type PageSize,
} from "../../../src/mailchimp/members/page-size.ts"

function succeed(size: PageSize, times: number) {
  for (let time = 0; time < times; time += 1) size.succeeded(size.current())
}

describe("createPageSize()", () => {
  test("halves at each failure, down to 10, and is restored if even that fails", () => {
    const size = createPageSize(1000)
    const sizes = Array.from({ length: 9 }, () => {
      size.failed(size.current())
      return size.current()
    })
    expect(sizes).toEqual([500, 250, 125, 62, 31, 15, 10, 1000, 500])
  })

  test("halves once for concurrent pages", () => {
    const size = createPageSize(1000)
    for (let page = 0; page < 8; page += 1) size.failed(1000)
    expect(size.current()).toBe(500)
    size.failed(500)
    size.failed(1000)
    expect(size.current()).toBe(250)
  })

  test("learns from a smaller page that failed, but nothing from a single row", () => {
    const size = createPageSize(1000)
    size.failed(1)
    expect(size.current()).toBe(1000)
    size.failed(300)
    expect(size.current()).toBe(150)
  })

  test("grows back after successes, never beyond the largest size, and takes longer each time that fails", () => {
    const size = createPageSize(1000)
    size.failed(1000)
    succeed(size, 9)
    expect(size.current()).toBe(500)
    succeed(size, 1)
    expect(size.current()).toBe(1000)
    for (const streak of [20, 40, 80]) {
      size.failed(1000)
      succeed(size, streak - 1)
      expect(size.current()).toBe(500)
      succeed(size, 1)
      expect(size.current()).toBe(1000)
    }
    succeed(size, 1000)
    expect(size.current()).toBe(1000)
  })

  test("five outages in succession cost no more than one: pages are large again after 70 pages", () => {
    const size = createPageSize(1000)
    for (let outage = 0; outage < 5; outage += 1) {
      while (size.current() > 10) size.failed(size.current())
      succeed(size, 69)
      expect(size.current()).toBe(640)
      succeed(size, 1 + 10)
      expect(size.current()).toBe(1000)
    }
  })

  test("learns nothing from the success of a smaller page, such as one of a single row", () => {
    const size = createPageSize(1000)
    size.failed(1000)
    for (let page = 0; page < 100; page += 1) size.succeeded(1)
    expect(size.current()).toBe(500)
  })

  test("forgets failures while pages stay large, so that a failure an hour costs no more than the first", () => {
    const size = createPageSize(1000)
    for (let hour = 0; hour < 20; hour += 1) {
      size.failed(1000)
      succeed(size, 2000)
    }
    size.failed(1000)
    succeed(size, 10)
    expect(size.current()).toBe(1000)
  })

  test("a failure in between restarts the streak of successes", () => {
    const size = createPageSize(1000)
    size.failed(1000)
    succeed(size, 9)
    size.failed(200)
    succeed(size, 9)
    expect(size.current()).toBe(100)
  })
})

describe("createPageFailures()", () => {
  const errorOf = (kind: MailchimpErrorKind, status?: number) =>
    createMailchimpError(kind, { action: "read" }, status === undefined ? {} : { upstream: { status } })
  /** The sizes after each failure of one page, which is requested with the current size each time. */
  const sizesAfter = (...errors: ReturnType<typeof errorOf>[]) => {
    const size = createPageSize(1000)
    const fail = createPageFailures(size)
    return errors.map((error) => {
      fail(error, size.current())
      return size.current()
    })
  }

  test.each<[MailchimpErrorKind, number | undefined]>([
    ["server_error", 500],
    ["server_error", 502],
    ["unusable_response", undefined],
    ["connection_failed", undefined],
  ])("%s %p halves a page from the second failure on", (kind, status) => {
    const error = errorOf(kind, status)
    expect(sizesAfter(error, error, error)).toEqual([1000, 500, 250])
  })

  test("failures of different kinds count together, except throttling in between", () => {
    expect(
      sizesAfter(
        errorOf("server_error", 500),
        errorOf("throttled", 429),
        errorOf("connection_failed"),
        errorOf("unusable_response"),
      ),
    ).toEqual([1000, 1000, 500, 250])
  })

  test.each<[MailchimpErrorKind, number | undefined]>([
    ["timed_out", undefined],
    ["timed_out", 504],
    ["server_error", 503],
    ["too_large", undefined],
  ])("%s %p halves a page at once", (kind, status) => {
    expect(sizesAfter(errorOf(kind, status))).toEqual([500])
  })

  test.each<[MailchimpErrorKind, number | undefined]>([
    ["throttled", 429],
    ["throttled", 403],
    ["token_revoked", 401],
    ["user_disabled", 403],
    ["wrong_datacenter", 403],
    ["forbidden", 403],
    ["not_found", 404],
    ["rejected", 400],
    // An HTML page from a gateway.
    ["unusable_response", 404],
  ])("%s %p says nothing about the size", (kind, status) => {
    const error = errorOf(kind, status)
    expect(sizesAfter(error, error, error)).toEqual([1000, 1000, 1000])
  })
})
