import { describe, expect, test } from "bun:test"
import { type ExportStep, exportSteps } from "../../src/exports/export-steps.ts"
import { csv } from "../../src/exports/formats/csv.ts"
import type { EncoderInput, Format } from "../../src/exports/formats/format.ts"
import { listOf, plainInput } from "../support/csv-lists.ts"

const row = '\n{"email_address":"a@b.c","merge_fields":{"FNAME":"Ada"}}'
const columns = [listOf()]
const input: EncoderInput = {
  ...plainInput,
  lists: columns,
  readers: { ...plainInput.readers, readMergeFields: async () => listOf().mergeFields },
}
const checkpoint = { $export: "checkpoint", cursor: "c1", rows: 1 } as const

/** An export of one page with this row; its error line has a cursor that covers the page, as that of the real one. */
function exportOf(row: string) {
  return async (format: Format) => {
    if (!format.hasEvents) throw new Error("steps have events")
    const encoder = format.createEncoder(input)
    return (async function* () {
      try {
        await encoder.ready
        yield encoder.line({ $export: "start", id: "e1", lists: [] })
        yield encoder.rows(Buffer.from(row))
        yield encoder.line(checkpoint)
      } catch (error) {
        const failure = { code: "mailchimp_error", detail: "failed", retryable: true }
        yield encoder.line({ $export: "error", ...failure, cursor: "covers the page" })
        throw error
      }
    })()
  }
}

async function collect(steps: AsyncGenerator<ExportStep>) {
  const collected = { text: "", columns: new Array<unknown>(), events: new Array<string>() }
  let error: unknown
  try {
    for await (const step of steps) {
      if ("bytes" in step) collected.text += Buffer.from(step.bytes).toString()
      else if ("columns" in step) collected.columns.push(step.columns)
      else collected.events.push(step.event.$export)
    }
  } catch (thrown) {
    error = thrown
  }
  return { ...collected, error }
}

describe("exportSteps() of CSV", () => {
  test("has the columns before the header, and ends the row before the checkpoint", async () => {
    const steps = await collect(exportSteps(csv, exportOf(row)))
    expect(steps).toMatchObject({ columns: [columns], events: ["start", "checkpoint"] })
    expect(steps.text).toMatch(/^Email Address,.*\r\na@b\.c,.*\r\n$/)
  })

  test("continues without a header and with the given columns", async () => {
    const other = [listOf({ mergeFields: [{ tag: "FNAME", name: "Other", type: "text" }] })]
    const steps = await collect(exportSteps(csv, exportOf(row), { columns: other }))
    expect(steps.columns).toEqual([other])
    expect(steps.text).toMatch(/^a@b\.c,,,Ada,/)
  })

  test("throws without an error event if a row cannot be written, because a cursor would cover that row", async () => {
    const steps = await collect(exportSteps(csv, exportOf('\n{"merge_fields":{"ADDED":"x"}}')))
    expect(steps).toMatchObject({ events: ["start"], error: { code: "columns_changed" } })
  })

  test("throws without an error event if the columns cannot be read", async () => {
    const failure = new Error("no merge fields")
    const unreadable = { ...csv, createEncoder: () => csv.createEncoder({ ...input, readers }) }
    const readers = { ...input.readers, readMergeFields: () => Promise.reject(failure) }
    const steps = await collect(exportSteps(unreadable, exportOf(row)))
    expect(steps).toMatchObject({ events: [], text: "", error: failure })
  })
})
