import { expect, test } from "bun:test"
import { createFieldColumns } from "../../../../src/exports/formats/csv/field-columns.ts"
import { cellsByName } from "../../../support/csv-lists.ts"

test("createFieldColumns() has the fields as columns, in the given order", () => {
  const columns = createFieldColumns(["last_changed", "id"])
  expect(columns.names).toEqual(["last_changed", "id"])
  expect(columns.memberFields).toEqual(["last_changed", "id"])
  expect(cellsByName(columns, { id: "a", last_changed: "2024-02-29T23:59:59+00:00" })).toEqual({
    last_changed: "2024-02-29T23:59:59+00:00",
    id: "a",
  })
})

test("createFieldColumns() follows dotted names, also into arrays, and writes objects and arrays as JSON", () => {
  const member = {
    vip: false,
    web_id: 5,
    merge_fields: { FNAME: "Ada", ADDRESS: { addr1: "1 High Street", city: "London" } },
    interests: { i1: true },
    location: { latitude: 0 },
    tags: [{ id: 1, name: "VIP" }, { id: 2 }],
  }
  const names = [
    "vip",
    "web_id",
    "merge_fields.FNAME",
    "merge_fields.ADDRESS",
    "merge_fields.ADDRESS.city",
    "interests.i1",
    "location.latitude",
    "tags.name",
    "tags",
    "location",
  ]
  expect(cellsByName(createFieldColumns(names), member)).toEqual({
    vip: false,
    web_id: 5,
    "merge_fields.FNAME": "Ada",
    "merge_fields.ADDRESS": "1 High Street  London",
    "merge_fields.ADDRESS.city": "London",
    "interests.i1": true,
    "location.latitude": 0,
    "tags.name": '["VIP",null]',
    tags: '[{"id":1,"name":"VIP"},{"id":2}]',
    location: '{"latitude":0}',
  })
})

test("createFieldColumns() leaves cells empty if a member has no such value, and knows only a member's own keys", () => {
  const columns = createFieldColumns([
    "full_name",
    "merge_fields.constructor",
    "stats.avg_open_rate",
    "tags.name",
  ])
  const cells = cellsByName(columns, { merge_fields: {}, stats: "", full_name: null, tags: null })
  expect(Object.values(cells)).toEqual(["", "", "", ""])
})
