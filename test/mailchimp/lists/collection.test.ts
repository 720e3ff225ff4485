import { expect, test } from "bun:test"
import { z } from "zod"
import { pageOf } from "../../../src/mailchimp/lists/collection.ts"

const schema = pageOf("names", z.string().catch("?"))

test("a page has its items and their count; other fields are ignored", () => {
  const page = schema.parse({ names: ["a", 1], total_items: 7, items: ["b"], _links: [] })
  expect(page).toEqual({ items: ["a", "?"], totalItems: 7 })
})

test("the array of an empty collection may be missing", () => {
  expect(schema.parse({ total_items: 0 })).toEqual({ items: [], totalItems: 0 })
})

test("anything else is no page", () => {
  const bodies = [
    { total_items: 1 },
    { names: null, total_items: 0 },
    { names: {}, total_items: 0 },
    { names: [] },
    { names: [], total_items: -1 },
    { names: [], total_items: "0" },
    [],
    null,
    "names",
  ]
  for (const body of bodies) expect(schema.safeParse(body).success, JSON.stringify(body)).toBe(false)
})
