import { expect, test } from "bun:test"
import { remember } from "../../src/lib/remember.ts"

test("remember() converts a text once, as long as few other texts came since", () => {
  const converted: string[] = []
  const convert = remember(2, (text) => {
    converted.push(text)
    return text.toUpperCase()
  })
  expect(["a", "b", "a", "b"].map(convert)).toEqual(["A", "B", "A", "B"])
  expect(converted.splice(0)).toEqual(["a", "b"])
  expect(["c", "a", "c"].map(convert)).toEqual(["C", "A", "C"])
  expect(converted).toEqual(["c", "a"])
})
