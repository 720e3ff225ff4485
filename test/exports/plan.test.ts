import { describe, expect, test } from "bun:test"
import { planExport } from "../../src/exports/plan.ts"

const HORIZON = 989

describe("planExport()", () => {
  test("reads a range that ends before the horizon in one window, because it can no longer change", () => {
    const { lists, until } = planExport(["a"], { since: 100, before: HORIZON }, HORIZON)
    expect(lists[0]?.live).toEqual({ windows: [{ since: 100, until: HORIZON }] })
    expect(until).toBe(HORIZON)
  })

  test("reads seconds after the horizon last if the upper bound lies there, because members still move into them", () => {
    const { lists, until } = planExport(["a"], { before: 1000 }, HORIZON)
    expect(lists[0]?.live).toEqual({
      windows: [{ since: Number.NEGATIVE_INFINITY, until: HORIZON }],
      tail: { since: HORIZON },
    })
    expect(until).toBe(1000)
  })

  test("reads a list that could not be read before whole, like a new one, and reports a deleted one as gone", () => {
    const unread = { id: "b", isUnread: true, live: { windows: [] } }
    const read = {
      id: "a",
      live: { windows: [], tail: { since: 500 } },
      archived: { windows: [], tail: { since: 501 } },
    }
    const end = {
      kind: "end",
      selection: "s",
      isIncremental: true,
      horizon: 400,
      lists: [read, unread],
    } as const
    const { lists, deletedLists } = planExport(["a", "b"], {}, HORIZON, end)
    const whole = { windows: [], tail: { since: Number.NEGATIVE_INFINITY } }
    expect(lists).toEqual([read, { id: "b", isWhole: true, live: whole, archived: whole }])
    expect(deletedLists).toEqual([])
    expect(planExport(["a"], {}, HORIZON, end).deletedLists).toEqual(["b"])
  })

  test("has no window if both bounds lie after the horizon", () => {
    const { lists } = planExport(["a"], { since: 995, before: 1000 }, HORIZON)
    expect(lists[0]?.live).toEqual({ windows: [], tail: { since: 995 } })
  })
})
