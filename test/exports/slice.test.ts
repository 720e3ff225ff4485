import { describe, expect, test } from "bun:test"
import { readSlice } from "../../src/exports/slice.ts"
import { createTestSource, membersOf, type TestSource } from "../support/members.ts"

const signal = new AbortController().signal
const lists = { a: membersOf(3), none: [], b: membersOf(7) }

async function slice(source: TestSource, offset: number, count: number): Promise<string[]> {
  const rows: string[] = []
  for await (const { listId, page, ranges } of readSlice(
    { listIds: Object.keys(lists), offset, count },
    source,
    signal,
  )) {
    for (const { start, end } of ranges) {
      for (let index = start; index < end; index += 1)
        rows.push(`${listId}${Number.parseInt(page.id(index)!, 16)}`)
    }
  }
  return rows
}

describe("readSlice()", () => {
  test("is that slice of the concatenated lists, wherever it lies", async () => {
    const all = ["a1", "a2", "a3", "b1", "b2", "b3", "b4", "b5", "b6", "b7"]
    for (let offset = 0; offset <= 11; offset += 1) {
      for (let count = 1; count <= 12; count += 1) {
        const expected = all.slice(offset, offset + count)
        expect(await slice(createTestSource(lists), offset, count)).toEqual(expected)
        expect(await slice(createTestSource(lists, { pageSize: 2 }), offset, count)).toEqual(expected)
      }
    }
  })

  test("reads in a stable order, and requests one row to learn where a list ends", async () => {
    const source = createTestSource(lists)
    await slice(source, 4, 2)
    expect(source.queries).toEqual([
      { listId: "a", status: undefined, sort: "timestamp_opt", offset: 0, count: 1 },
      { listId: "none", status: undefined, sort: "timestamp_opt", offset: 0, count: 1 },
      { listId: "b", status: undefined, sort: "timestamp_opt", offset: 0, count: 1 },
      { listId: "b", status: undefined, sort: "timestamp_opt", offset: 1, count: 2 },
    ])
  })

  test("reads no list after its end", async () => {
    const source = createTestSource(lists)
    await slice(source, 0, 3)
    expect(source.queries.map(({ listId }) => listId)).toEqual(["a"])
  })

  test("continues after a short page, and fails if counted rows never arrive", async () => {
    const empty = { length: 0, totalItems: 3 }
    let responses = 0
    const short = createTestSource(lists, {
      response: (_query, _signal, response) => (++responses === 1 ? { ...response(), ...empty } : response()),
    })
    expect(await slice(short, 0, 2)).toEqual(["a1", "a2"])

    const never = createTestSource(lists, {
      response: (_query, _signal, response) => ({ ...response(), ...empty }),
    })
    await expect(slice(never, 0, 2)).rejects.toMatchObject({ code: "mailchimp_error" })
    expect(never.queries.length).toBe(4)
  })
})
