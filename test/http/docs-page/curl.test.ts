import { expect, test } from "bun:test"
import { toCall, toCurl } from "../../../src/http/docs-page/curl.ts"

const route = {
  method: "GET",
  base: "https://example.com",
  path: "/lists/{id}",
  needsToken: true,
  isFile: false,
}
const id = { in: "path", name: "id", text: "a b/c" }

/** What a shell gives to curl. */
async function argumentsOf(line: string): Promise<string[]> {
  const script = `curl() { printf '%s\\n' "$@"; }; TOKEN=secret; ${line}`
  return (await Bun.$`sh -c ${script}`.text()).trimEnd().split("\n")
}

test("a call has what was given, each value in its place and encoded", () => {
  const values = [
    id,
    { in: "query", name: "status", text: "subscribed,cleaned" },
    { in: "query", name: "since_last_changed", text: "2026-01-31T08:00:00+01:00" },
    { in: "query", name: "format", text: "" },
    { in: "header", name: "Export-Cursor", text: "eyJ" },
  ]
  expect(toCall(route, values)).toMatchObject({
    url: "https://example.com/lists/a%20b%2Fc?status=subscribed,cleaned&since_last_changed=2026-01-31T08:00:00%2B01:00",
    headers: [["Export-Cursor", "eyJ"]],
  })
})

test("a call accepts what its route says", () => {
  expect(toCurl(toCall({ ...route, accept: "application/json" }, [id]))).toContain(
    "-H 'Accept: application/json'",
  )
})

test("a body is declared as JSON", () => {
  const call = toCall({ ...route, method: "POST" }, [{ in: "body", name: "body", text: "{}" }])
  expect(call).toMatchObject({ body: "{}", headers: [["Content-Type", "application/json"]] })
})

test("a shell sends the line's request, whatever the values have, and reads the token from TOKEN", async () => {
  const text = `it's "$HOME" \`id\` \\ $(id)`
  const post = { ...route, method: "POST", isFile: true }
  const call = toCall(post, [id, { in: "header", name: "X", text }, { in: "body", name: "body", text }])
  expect(await argumentsOf(toCurl(call))).toEqual([
    "-sN",
    "--fail-with-body",
    "-X",
    "POST",
    "-H",
    "Authorization: Bearer secret",
    "-H",
    `X: ${text}`,
    "-H",
    "Content-Type: application/json",
    "-d",
    text,
    "-OJ",
    "https://example.com/lists/a%20b%2Fc",
  ])
  const open = { ...route, needsToken: false, path: "/healthz" }
  expect(toCurl(toCall(open, []))).toBe("curl -sN --fail-with-body 'https://example.com/healthz'")
})
