import { expect, test } from "bun:test"
import { parseToken } from "../../../src/http/docs-page/token.ts"

test.each([
  ["eyJ.a.b", "eyJ.a.b", ""],
  [" Bearer  eyJ.a.b\n", "eyJ.a.b", ""],
  ["  ", "", "The field Token at the top is empty."],
  ["eyJ.a b", "eyJ.a b", "The token has a space in it."],
])("parseToken(%j) is %j", (text, token, fault) => {
  expect(parseToken(text)).toEqual({ token, fault })
})
