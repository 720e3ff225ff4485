import { describe, expect, test } from "bun:test"
import { createListScan } from "../../src/scan/list-scan.ts"
import type { Page } from "../../src/scan/source.ts"
import type { Task } from "../../src/scan/task.ts"
import { momentOf, pageOfIds } from "../support/members.ts"

const HORIZON = 989
const whole = { windows: [], tail: { since: Number.NEGATIVE_INFINITY } }

function page(
  rows: Readonly<Record<string, number>>,
  requestedAt: number,
  totalItems = Object.keys(rows).length,
): Page {
  const ids = Object.keys(rows)
  return {
    ...pageOfIds(ids),
    second: (index) => rows[ids[index]!],
    fingerprint: (index) => `${ids[index]} ${rows[ids[index]!]}`,
    totalItems,
    count: totalItems > ids.length ? ids.length : 10,
    sentAt: momentOf(requestedAt),
  }
}

function start() {
  const list = createListScan({ id: "a", live: whole, archived: whole }, { horizon: HORIZON, marginS: 10 })
  return {
    list,
    receive: (task: Task, response: Page) => list.receive(task, response, task.reading.nextRequest()!).next,
  }
}

describe("createListScan()", () => {
  test("reads live members, then archived ones; `asOf` is the watermark when the live members were read to the end", () => {
    const { list, receive } = start()
    const [live] = list.begin()
    const [archived, ...others] = receive(live!, page({ x: 100 }, 1000))
    expect(archived?.sweep).toBe("archived")
    expect(others).toEqual([])
    expect(list.isDone()).toBe(false)
    expect(receive(archived!, page({ y: 101 }, 1100))).toEqual([])
    expect(list.isDone()).toBe(true)
    expect(list.result()).toMatchObject({ rows: 2, asOf: 989, isShort: false })
    // A member who moved between live and archived since then is in the next export.
    expect(list.nextPosition()).toMatchObject({
      live: { tail: { since: 989 } },
      archived: { tail: { since: 1089 } },
    })
  })

  test("lets the next export begin at the horizon if one status was requested, to see members who lost it", () => {
    const options = { horizon: HORIZON, marginS: 10, status: "subscribed" }
    const list = createListScan({ id: "a", live: whole }, options)
    const [live] = list.begin()
    list.receive(live!, page({ x: 100 }, 1100), live!.reading.nextRequest()!)
    expect(list.result().asOf).toBe(1089)
    expect(list.nextPosition()).toMatchObject({
      live: { tail: { since: HORIZON } },
      archived: { tail: { since: HORIZON } },
    })
  })

  test("lets the next export read archived members from where they were short, if they were requested", () => {
    const from = { windows: [], tail: { since: 50 } }
    const list = createListScan(
      { id: "a", live: from },
      { horizon: HORIZON, marginS: 10, status: "archived" },
    )
    const [archived] = list.begin()
    // Mailchimp ignores `since`.
    list.receive(archived!, page({ x: 10 }, 1000, 9), archived!.reading.nextRequest()!)
    expect(list.result().isShort).toBe(true)
    expect(list.nextPosition()).toMatchObject({
      live: { tail: { since: 50 } },
      archived: { tail: { since: 50 } },
    })
  })

  test("lets the next export read archived members from before a step of the clock, if they were not read", () => {
    const list = createListScan({ id: "a", live: whole }, { horizon: HORIZON, marginS: 10 })
    const [live] = list.begin()
    // The export is resumed after the clock was put back by 500 seconds.
    list.receive(live!, page({ x: 100 }, 500), live!.reading.nextRequest()!)
    expect(list.result().asOf).toBe(489)
    expect(list.nextPosition()).toMatchObject({
      live: { tail: { since: 489 } },
      archived: { tail: { since: 489 } },
    })
  })

  test("has the count of live members, although archived ones arrive first", () => {
    const sweep = { windows: [{ since: 50, until: 900 }] }
    const list = createListScan(
      { id: "a", live: sweep, archived: sweep },
      { horizon: HORIZON, until: 900, marginS: 10 },
    )
    const [live, archived] = list.begin()
    list.receive(archived!, page({ y: 101 }, 1000), archived!.reading.nextRequest()!)
    expect(list.hasResponded()).toBe(true)
    expect(list.position().totalItems).toBe(1)
    list.receive(live!, page({ w: 100, x: 101 }, 1000), live!.reading.nextRequest()!)
    expect(list.result().totalItems).toBe(2)
  })

  test("has no future `asOf`, although it is read from a future second on", () => {
    const future = { windows: [], tail: { since: 5000 } }
    const list = createListScan({ id: "a", live: future }, { horizon: HORIZON, marginS: 10 })
    const [live] = list.begin()
    list.receive(live!, page({}, 1000), live!.reading.nextRequest()!)
    expect(list.result().asOf).toBe(989)
    expect(list.nextPosition().live.tail).toEqual({ since: 5000 })
  })

  test("requests no tail before the last page of the body has arrived, and then the very last row as well", () => {
    const { list, receive } = start()
    const [parent] = list.begin()
    receive(parent!, page({ a: 100, b: 200 }, 1000, 9))
    const begun = list.split("live", 300)
    expect(begun.map(({ sweep }) => sweep)).toEqual(["live", "archived"])
    const [child, archived] = begun
    expect(receive(parent!, page({ b: 200, c: 300 }, 1000))).toEqual([])
    expect(receive(archived!, page({ y: 101 }, 1000))).toEqual([])
    const [tail, lastRow] = receive(child!, page({ d: 400 }, 1000))
    expect(lastRow?.reading.nextRequest()?.query).toMatchObject({ direction: "DESC", count: 1 })
    expect(tail?.reading.nextRequest()?.query).toMatchObject({ since: HORIZON, before: undefined })
  })

  test("ends its tail at an upper bound that the caller set after the horizon", () => {
    const position = { windows: [], tail: { since: HORIZON } }
    const list = createListScan({ id: "a", live: position }, { horizon: HORIZON, until: 995, marginS: 10 })
    const [tail] = list.begin()
    const request = tail!.reading.nextRequest()!
    expect(request.query).toMatchObject({ since: HORIZON, before: 996 })
    const { ranges } = list.receive(tail!, page({ x: 995, y: 996 }, 1000), request)
    expect(ranges).toEqual([{ start: 0, end: 1 }])
    expect(list.isDone()).toBe(true)
  })

  test("reads the members without a date, and the tail once more, before the list ends", () => {
    const { list, receive } = start()
    const [parent] = list.begin()
    receive(parent!, page({ a: 100, b: 200 }, 1000, 9))
    const [child, archived] = list.split("live", 300)
    receive(parent!, page({ b: 200, c: 300 }, 1000))
    receive(archived!, page({}, 1000))
    const [tail, look] = receive(child!, page({ d: 400 }, 1000))
    expect(receive(look!, { ...page({ z: 0 }, 1000), second: () => undefined })).toEqual([])
    const [archivedTail, archivedLook] = receive(tail!, page({}, 1000))
    expect(receive(archivedLook!, page({}, 1000))).toEqual([archivedLook!])
    receive(archivedLook!, page({}, 1000))
    const [undated] = receive(archivedTail!, page({}, 1000))
    const request = undated!.reading.nextRequest()!
    expect(request.query).toEqual({
      listId: "a",
      status: undefined,
      sort: "last_changed",
      direction: "DESC",
      offset: 0,
    })
    const response = { ...page({ z: 0 }, 1000), second: () => undefined }
    const [again] = list.receive(undated!, response, request).next
    expect(again?.reading.nextRequest()?.query).toMatchObject({ since: HORIZON, before: undefined })
  })

  test("checks the very last row when it is resumed, if all members are exported", () => {
    const broken = { id: "a", live: { windows: [], tail: { since: 300 } }, totalItems: 9 }
    const options = { horizon: HORIZON, marginS: 10 }
    const [tail, lastRow] = createListScan(broken, { ...options, isWhole: true }).begin()
    expect(tail?.reading.nextRequest()?.query).toMatchObject({ since: 300 })
    expect(lastRow?.reading.nextRequest()?.query).toMatchObject({ direction: "DESC", count: 1 })
    expect(createListScan(broken, options).begin()).toHaveLength(1)
  })

  test("reports that Mailchimp's since returned rows that it should not", () => {
    const { list, receive } = start()
    const [live] = list.begin()
    receive(live!, page({ a: 100, b: 200 }, 1000, 4))
    receive(live!, page({ c: 199, d: 300 }, 1000))
    expect(list.result().hasOddSince).toBe(true)
  })
})
