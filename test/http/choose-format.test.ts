import { expect, test } from "bun:test"
import { AppError } from "../../src/errors.ts"
import { json } from "../../src/exports/formats/json.ts"
import { ndjson } from "../../src/exports/formats/ndjson.ts"
import { chooseFormat } from "../../src/http/choose-format.ts"

test.each([
  [undefined, "ndjson"],
  ["", "ndjson"],
  ["*/*", "ndjson"],
  ["application/*", "ndjson"],
  ["application/x-ndjson", "ndjson"],
  ["application/ndjson", "ndjson"],
  ["text/csv", "csv"],
  ["Text/CSV; header=present, */*", "csv"],
  ["text/*", "csv"],
  ["application/json", "json"],
  ["Application/JSON", "json"],
  ["application/json;q=0.5, application/x-ndjson", "ndjson"],
  ["application/json, */*;q=0.1", "json"],
  ["application/x-ndjson;q=0, */*", "json"],
  ["text/html,application/xhtml+xml,*/*;q=0.8", "ndjson"],
  // axios and Angular, superagent, jQuery, and a browser's page with JSON in it.
  ["application/json, text/plain, */*", "json"],
  ["application/json, */*", "json"],
  ["*/*, application/json", "json"],
  ["application/json, text/javascript, */*; q=0.01", "json"],
  ["application/json, application/*", "json"],
  ["application/json;q=0.5, */*", "json"],
  ["application/json; charset=utf-8, */*", "json"],
  ["application/x-ndjson;q=0.2, */*", "ndjson"],
  ["application/ndjson, application/json, */*", "ndjson"],
  ["application/json, application/x-ndjson;q=0.9, */*", "json"],
  ["application/json;q=0, */*", "ndjson"],
])("Accept: %s gives %s", (accept, format) => {
  expect<string>(chooseFormat(undefined, accept).name).toBe(format)
})

test("the parameter format beats Accept", () => {
  expect(chooseFormat("json", "application/x-ndjson")).toBe(json)
  expect(chooseFormat("ndjson", "image/png")).toBe(ndjson)
})

test("what only NDJSON can carry is NDJSON if any range allows it", () => {
  expect(chooseFormat(undefined, "application/json, text/plain, */*", true)).toBe(ndjson)
  expect(chooseFormat(undefined, "application/json", true)).toBe(json)
  expect(chooseFormat("json", "*/*", true)).toBe(json)
})

test.each(["image/png", "text/html", "application/json;q=0", "text/html, application/xml"])(
  "Accept: %s cannot be served, and the error lists the available types",
  (accept) => {
    try {
      chooseFormat(undefined, accept)
      throw new Error("accepted")
    } catch (error) {
      expect(error).toBeInstanceOf(AppError)
      if (error instanceof AppError)
        expect([error.code, error.detail]).toEqual([
          "not_acceptable",
          expect.stringContaining("application/x-ndjson, application/json"),
        ])
    }
  },
)
