import { expect, test } from "bun:test"

const read = async (name: string) =>
  (await Bun.file(new URL(`../${name}`, import.meta.url)).text()).replaceAll(/\n(?:# )?/g, " ")

test.each([
  ["which proxy the requests to Mailchimp take", /`HTTPS_PROXY` and `NO_PROXY`/],
  [
    "the time-outs of proxies for a slow first page",
    /nginx `proxy_read_timeout 300s` .*HAProxy .*AWS load balancer/,
  ],
  [
    "that replicas need shares of the limits",
    /share by `MAILCHIMP_MAX_CONNECTIONS` and `MAILCHIMP_REQUESTS_PER_SECOND`/,
  ],
  [
    "that contacts with only a phone number are in no list's members",
    /phone number alone.* in no list's members/,
  ],
  [
    "that a row may hold lone surrogates, which some readers refuse",
    /lone surrogates .*jq and DuckDB refuse/,
  ],
  [
    "to split NDJSON at \\n alone, because readers split at U+2028",
    /Split NDJSON at `\\n` alone: .*iter_lines.*U\+2028/,
  ],
  [
    "that a page of another site cannot log in, and the remedies",
    /`login_cross_site`: serve both from one site, or .*`LOGIN_COOKIE=off`/,
  ],
  ["which ports `run dev` uses", /`PORT` \(3000\) and `SANDBOX_PORT` \(3001\)/],
  ["that interests may be selected", /`interests\.ID` takes the id of an interest/],
])("the README says %s", async (_, wording) => {
  expect(await read("README.md")).toMatch(wording)
})

test(".env.example says that pages must be on the same site", async () => {
  expect(await read(".env.example")).toMatch(
    /same site as your pages.*A login must come from the same site as PUBLIC_URL/,
  )
})
