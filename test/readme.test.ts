import { expect, test } from "bun:test"

const read = async (name: string) =>
  (await Bun.file(new URL(`../${name}`, import.meta.url)).text()).replaceAll(/\n(?:# )?/g, " ")

test.each([
  ["docs/operations.md", "which proxy the requests to Mailchimp take", /`HTTPS_PROXY` and `NO_PROXY`/],
  [
    "docs/operations.md",
    "the time-outs of proxies for a slow first page",
    /nginx `proxy_read_timeout 300s` .*HAProxy .*AWS load balancer/,
  ],
  [
    "docs/operations.md",
    "that replicas need shares of the limits",
    /share by `MAILCHIMP_MAX_CONNECTIONS` and `MAILCHIMP_REQUESTS_PER_SECOND`/,
  ],
  [
    "README.md",
    "that contacts with only a phone number are in no list's members",
    /phone number alone.* in no list's members/,
  ],
  [
    "docs/exports.md",
    "that a row may hold lone surrogates, which some readers refuse",
    /lone surrogates .*jq and DuckDB refuse/,
  ],
  [
    "docs/exports.md",
    "to split NDJSON at \\n alone, because readers split at U+2028",
    /Split NDJSON at `\\n` alone: .*iter_lines.*U\+2028/,
  ],
  [
    "docs/login.md",
    "that a page of another site cannot log in, and the remedies",
    /`login_cross_site`: serve both from one site, or .*`LOGIN_COOKIE=off`/,
  ],
  ["README.md", "which ports `run dev` uses", /`PORT` \(3000\) and `SANDBOX_PORT` \(3001\)/],
  ["docs/exports.md", "that interests may be selected", /`interests\.ID` takes the id of an interest/],
])("%s says %s", async (page, _, wording) => {
  expect(await read(page)).toMatch(wording)
})

test(".env.example says that pages must be on the same site", async () => {
  expect(await read(".env.example")).toMatch(
    /same site as your pages.*A login must come from the same site as PUBLIC_URL/,
  )
})
