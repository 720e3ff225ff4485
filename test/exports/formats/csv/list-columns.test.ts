import { expect, test } from "bun:test"
import { readListColumns } from "../../../../src/exports/formats/csv/list-columns.ts"

const signal = new AbortController().signal

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
    { excludeFields: [], signal },
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

test("readListColumns() does not read what is excluded as a whole", async () => {
  const read: string[] = []
  const readers = {
    readMergeFields: async () => (read.push("merge fields"), []),
    readInterestCategories: async () => (read.push("interests"), []),
  }
  const lists = [{ id: "a", name: "A" }]
  await readListColumns(lists, readers, { excludeFields: ["merge_fields"], signal })
  expect(read.splice(0)).toEqual(["interests"])
  await readListColumns(lists, readers, { excludeFields: ["interests", "merge_fields.FNAME"], signal })
  expect(read.splice(0)).toEqual(["merge fields"])
})
