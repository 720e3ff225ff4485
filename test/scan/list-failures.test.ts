import { describe, expect, test } from "bun:test"
import { AppError } from "../../src/errors.ts"
import { type Failure, type Verdict, createListFailures } from "../../src/scan/list-failures.ts"
import { createListScan } from "../../src/scan/list-scan.ts"
import { createTestSource } from "../support/members.ts"

const tail = { windows: [], tail: { since: Number.NEGATIVE_INFINITY } }
const options = { horizon: 1_999_999_980, marginS: 10 }
const refusal = new AppError("mailchimp_forbidden", "Forbidden")
const outage = new AppError("mailchimp_error", "Unavailable")

function start(verdict: Verdict, { isOtherDone = false } = {}) {
  const list = createListScan({ id: "a", live: tail }, options)
  const other = createListScan({ id: "b", live: tail, isDone: isOtherDone }, options)
  const judged: Promise<Failure>[] = []
  const ended: string[] = []
  const failures = createListFailures({
    lists: [list, other],
    source: createTestSource({ a: [], b: [] }),
    signal: new AbortController().signal,
    judgeError: async () => verdict,
    expect: (failure) => void judged.push(failure),
    onListEnd: ({ listId }) => void ended.push(listId),
  })
  const fail = async (error: unknown) => {
    const failure = await failures.send<never>(list, async () => {
      throw error
    })
    return failures.receive(failure)
  }
  return { list, other, failures, judged, ended, fail }
}

describe("createListFailures()", () => {
  test("has one failure of a list judged, ends the list when the verdict arrives, and aborts its requests", async () => {
    const { list, failures, judged, ended, fail } = start("list_failed")
    const pending = failures.send(
      list,
      (signal) => new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason))),
    )
    expect(await fail(refusal)).toBeUndefined()
    expect(await fail(refusal)).toBeUndefined()
    expect(judged).toHaveLength(1)
    expect(failures.noticeOf(list)).toBeUndefined()
    const notice = failures.receive(await judged[0]!)
    expect(notice).toEqual({ notice: "list_failed", listId: "a", error: refusal })
    expect(failures.noticeOf(list)).toEqual(notice)
    expect(ended).toEqual(["a"])
    expect(await pending).toMatchObject({ list, error: refusal })
    expect(() => failures.refuseIfAllFailed()).not.toThrow()
  })

  test("a deleted list has no result", async () => {
    const { failures, judged, ended, fail } = start("list_deleted")
    await fail(refusal)
    expect(failures.receive(await judged[0]!)).toMatchObject({ notice: "list_deleted" })
    expect(ended).toEqual([])
  })

  test("fails the export if Mailchimp does not respond for other lists either", async () => {
    const { failures, judged, fail } = start("list_failed")
    await fail(outage)
    const failure = await judged[0]!
    expect(failure.verdict).toBe("export_failed")
    expect(() => failures.receive(failure)).toThrow(outage)
  })

  test("ends only the list if a page of another list arrived after the request was sent", async () => {
    const { other, failures, judged, fail } = start("list_failed")
    failures.receivePage(other)
    await fail(outage)
    expect((await judged[0])?.verdict).toBe("export_failed")
    const later = start("list_failed")
    const sent = later.failures.send<never>(later.list, async () => {
      throw outage
    })
    later.failures.receivePage(later.other)
    later.failures.receive(await sent)
    expect((await later.judged[0])?.verdict).toBe("list_failed")
  })

  test("ends only the list if a request for a finished list succeeds now", async () => {
    const { judged, fail } = start("list_failed", { isOtherDone: true })
    await fail(outage)
    expect((await judged[0])?.verdict).toBe("list_failed")
  })
})
