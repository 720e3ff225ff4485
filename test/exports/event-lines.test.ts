import { expect, test } from "bun:test"
import { eventLineSchema } from "../../src/exports/event-lines.ts"

test("every kind of line and each of its fields is described", () => {
  const undescribed = eventLineSchema.options.flatMap((option) => {
    const { $export, ...fields } = option.shape
    const [kind = ""] = $export.values
    const described = { [kind]: option, ...fields }
    return Object.entries(described).flatMap(([name, { description }]) =>
      description === undefined ? [`${kind}: ${name}`] : [],
    )
  })
  expect(undescribed).toEqual([])
})
