import { describe, expect, test } from "bun:test"
import { createPageSize } from "../../src/mailchimp/page-size.ts"

function succeed(size: { succeeded(): void }, times: number) {
  for (let time = 0; time < times; time += 1) size.succeeded()
}

describe("createPageSize()", () => {
  test("halves at each failure, down to 10", () => {
    const size = createPageSize(1000)
    const sizes = Array.from({ length: 9 }, () => {
      size.failed(size.current())
      return size.current()
    })
    expect(sizes).toEqual([500, 250, 125, 62, 31, 15, 10, 10, 10])
  })

  test("halves once for pages that were under way together", () => {
    const size = createPageSize(1000)
    for (let page = 0; page < 8; page += 1) size.failed(1000)
    expect(size.current()).toBe(500)
    size.failed(500)
    size.failed(1000)
    expect(size.current()).toBe(250)
  })

  test("learns from a smaller page that failed, but nothing from a single row that did", () => {
    const size = createPageSize(1000)
    size.failed(1)
    expect(size.current()).toBe(1000)
    size.failed(300)
    expect(size.current()).toBe(150)
  })

  test("grows back after successes, never over the largest, and takes longer after each failure", () => {
    const size = createPageSize(1000)
    size.failed(1000)
    succeed(size, 19)
    expect(size.current()).toBe(500)
    succeed(size, 1)
    expect(size.current()).toBe(1000)
    size.failed(1000)
    succeed(size, 39)
    expect(size.current()).toBe(500)
    succeed(size, 1 + 1000)
    expect(size.current()).toBe(1000)
  })

  test("a failure in between begins the row of successes again", () => {
    const size = createPageSize(1000)
    size.failed(1000)
    succeed(size, 19)
    size.failed(1)
    succeed(size, 19)
    expect(size.current()).toBe(500)
  })
})
