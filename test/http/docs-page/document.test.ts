import { expect, test } from "bun:test"
import { readOpenApi } from "../../../src/dev/reference/read-openapi.ts"
import { parseDocument, resultOf, routesOf } from "../../../src/http/docs-page/document.ts"

const document = parseDocument(await readOpenApi())

test("parseDocument() puts what a reference names in its place", () => {
  expect(Object.keys(document.components.schemas["ExportEvent"]?.oneOf?.[0]?.properties ?? {})).toContain(
    "$export",
  )
  const start = routesOf(document).find(({ operation }) => operation.operationId === "startJob")
  expect(start?.operation.requestBody?.content["application/json"]?.schema.properties).toHaveProperty(
    "list_id",
  )
  expect(start && resultOf(start.operation)?.properties).toHaveProperty("parts")
})

test("resultOf() is what the envelope holds, the item of an array, and nothing for an export", () => {
  const fieldsOf = (id: string) => {
    const route = routesOf(document).find(({ operation }) => operation.operationId === id)
    return Object.keys((route && resultOf(route.operation)?.properties) ?? {})
  }
  expect(fieldsOf("readLists")).toContain("member_count")
  expect(fieldsOf("isReady")).toEqual(["status", "redis", "job_files"])
  expect(fieldsOf("exportLists")).toEqual([])
})
