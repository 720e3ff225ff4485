import { expect, test } from "bun:test"
import { readListColumns } from "../../../../src/exports/formats/csv/list-columns.ts"

test("readListColumns() reads the merge fields and interests of all lists concurrently", async () => {
  const all = Promise.withResolvers<void>()
  let requests = 0
  const wait = async () => {
    requests += 1
    if (requests === 4) all.resolve()
    await all.promise
  }
  const lists = await readListColumns(
    [
      { id: "a", name: "A" },
      { id: "b", name: "B" },
    ],
    {
      readMergeFields: async (id) => {
        await wait()
        return [{ tag: id, name: id, type: "text" }]
      },
      readInterestCategories: async (id) => {
        await wait()
        return [{ id, title: id, interests: [] }]
      },
    },
  )
  expect(lists).toEqual(
    ["a", "b"].map((id) => ({
      id,
      name: id.toUpperCase(),
      mergeFields: [{ tag: id, name: id, type: "text" }],
      interestCategories: [{ id, title: id, interests: [] }],
    })),
  )
})
