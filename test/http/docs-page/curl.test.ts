import { expect, test } from "bun:test"
import { readdirSync } from "node:fs"
import { toCall, toCurl } from "../../../src/http/docs-page/curl.ts"
import { temporaryFolder } from "../../support/temporary-folder.ts"

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

test("curl saves CSV in a file, and no problem as if it were CSV", () => {
  const csv = toCall(route, [id, { in: "query", name: "format", text: "csv" }])
  expect(toCurl(csv)).toContain("--fail -H")
  expect(toCurl(csv)).toContain("-o members.csv 'https://example.com/lists/")
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
    "-sSN",
    "--fail",
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
  expect(toCurl(toCall(open, []))).toBe("curl -sSN --fail-with-body 'https://example.com/healthz'")
})

test("curl saves a file under its name, and shows a failure instead of saving it", async () => {
  const folder = temporaryFolder()
  const disposition = { "content-disposition": 'attachment; filename="members.csv"' }
  await using server = Bun.serve({
    port: 0,
    fetch: ({ url }) =>
      url.endsWith("/none")
        ? new Response("{}", { status: 404 })
        : new Response("a", { headers: disposition }),
  })
  const run = async (path: string) => {
    const line = toCurl(toCall({ ...route, base: server.url.origin, path, isFile: true }, []))
    const { exitCode, stderr } = await Bun.$`sh -c ${line}`.cwd(folder.path).nothrow().quiet()
    return [exitCode, `${stderr}`.trim(), readdirSync(folder.path)]
  }
  expect(await run("/none")).toEqual([22, "curl: (22) The requested URL returned error: 404", []])
  expect(await run("/file")).toEqual([0, "", ["members.csv"]])
  folder.remove()
})
