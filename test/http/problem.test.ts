import type { z } from "@hono/zod-openapi"
import { describe, expect, test } from "bun:test"
import { jobBody } from "../../src/http/job-request.ts"
import { exportQuery } from "../../src/http/export-parameters.ts"
import { toInvalidParameters } from "../../src/http/problem.ts"

function detailOf(schema: z.ZodType, input: unknown): string {
  const { error } = schema.safeParse(input)
  return error ? toInvalidParameters(error).detail : "valid"
}

describe("the detail of an invalid parameter says what would be valid", () => {
  test.each([
    [{ format: "xml" }, "Invalid parameter: format must be one of ndjson, json, csv"],
    [{ limit: "5" }, "Invalid parameter: limit is not a parameter of this route: see /docs"],
    [
      { count: "1000000" },
      "Invalid parameter: count must be a whole number from 1 to 1000, or left out to export every member",
    ],
    [
      { status: ["cleaned", "pending"] },
      "Invalid parameter: status must be given only once, with commas between its values",
    ],
    [{ cursor: ["a", "b"] }, "Invalid parameter: cursor must be given only once"],
    [
      { events: "yes", bom: "yes" },
      "Invalid parameters: events must be one of true, false; bom must be one of true, false",
    ],
  ])("in a query: %j", (query, detail) => {
    expect(detailOf(exportQuery, query)).toBe(detail)
  })

  test.each([
    [[], "Invalid parameter: request must be a JSON object"],
    [{ list_id: "a1b2c3d4e5" }, "Invalid parameter: list_id must be a list"],
    [{ cursor: 5, bom: "true" }, "Invalid parameters: cursor must be a text; bom must be true or false"],
    [{ since_last_changed: 5 }, "Invalid parameter: since_last_changed must be a text"],
    [{ cursor: "x".repeat(70_000) }, "Invalid parameter: cursor must have at most 65536 characters"],
  ])("in a body: %#", (body, detail) => {
    expect(detailOf(jobBody, body)).toBe(detail)
  })
})
