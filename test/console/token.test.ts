import { expect, test } from "bun:test"
import { hasToken, takeToken } from "../../src/console/token.ts"

function take(hash: string) {
  const replaced: string[] = []
  const history = { replaceState: (_: null, __: string, url: string) => void replaced.push(url) }
  return { token: takeToken({ hash, pathname: "/console" }, history), replaced }
}

test("the token of the fragment is taken, and removed from the address", () => {
  expect(take("#token=a.b-c_d")).toEqual({ token: "a.b-c_d", replaced: ["/console"] })
})

test("without a token there is none; another fragment is removed, too", () => {
  expect(take("")).toEqual({ token: undefined, replaced: [] })
  expect(take("#token=")).toEqual({ token: undefined, replaced: ["/console"] })
})

test("whether an address has a token is told without taking it", () => {
  expect(["#token=a", "#token=", "#other", ""].map((hash) => hasToken({ hash }))).toEqual([
    true,
    true,
    false,
    false,
  ])
})
