import { describe, expect, test } from "bun:test"
import type { Encoder } from "../../../src/exports/formats/format.ts"
import { formats } from "../../../src/exports/formats/formats.ts"
import { createJson } from "../../../src/exports/formats/json.ts"
import { createNdjson } from "../../../src/exports/formats/ndjson.ts"

/** The output of a format for these steps: rows, or "alive" for a moment with nothing to send. */
function write(format: Encoder, ...steps: string[]): string {
  const parts = steps.map((step) => (step === "alive" ? format.keepAlive() : format.rows(Buffer.from(step))))
  return Buffer.concat([format.start(), ...parts, format.end()]).toString()
}

test("every name, media type and file suffix belongs to one format, and the default has event lines", () => {
  const names = formats.flatMap(({ name, mediaType, otherMediaTypes, fileSuffix }) => [
    name,
    mediaType,
    ...otherMediaTypes,
    fileSuffix,
  ])
  expect(new Set(names).size).toBe(names.length)
  expect(formats[0].hasEvents).toBe(true)
})

describe("createNdjson()", () => {
  test("ends each row with a newline", () => {
    expect(write(createNdjson(), '\n{"id":"a"}\n{"id":"b"}', "", '\n{"id":"c"}')).toBe(
      '{"id":"a"}\n{"id":"b"}\n{"id":"c"}\n',
    )
  })

  test("is empty without rows, except for empty lines that keep it alive", () => {
    expect(write(createNdjson(), "")).toBe("")
    expect(write(createNdjson(), "", "alive", "alive")).toBe("\n\n")
  })

  test("keeps alive with empty lines before the first row and with spaces after a row, so that no line is truncated", () => {
    const text = write(createNdjson(), "alive", '\n{"id":"a"}', "alive", "alive", '\n{"id":"b"}', "alive")
    expect(text).toBe('\n{"id":"a"}  \n{"id":"b"} \n')
  })
})

describe("createJson()", () => {
  test("is the envelope with the rows as its data", () => {
    const text = write(
      createJson(),
      "alive",
      '\n{"id":"a"}\n{"id":"b"}',
      "alive",
      "",
      '\n{"id":"c"}',
      "alive",
    )
    expect(JSON.parse(text)).toEqual({
      success: true,
      message: "Success",
      data: [{ id: "a" }, { id: "b" }, { id: "c" }],
    })
  })

  test("is an envelope with empty data without rows", () => {
    expect(JSON.parse(write(createJson(), "", "alive"))).toEqual({
      success: true,
      message: "Success",
      data: [],
    })
  })
})
