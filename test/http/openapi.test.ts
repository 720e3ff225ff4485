import { afterAll, beforeAll, expect, test } from "bun:test"
import { z } from "zod"
import { parseSelection } from "../../src/exports/selection.ts"
import { startSandbox } from "../../src/sandbox/serve.ts"
import { readLines } from "../support/event-lines.ts"
import { bearer, connectAccount, sandboxEnv, startService, type RunningService } from "../support/service.ts"

const mailchimp = startSandbox({
  decision: "approve",
  accounts: [{ lists: [{ name: "Small", id: "a1b2c3d4e5", count: 20 }] }],
})
let service: RunningService
let headers: Record<string, string>

beforeAll(async () => {
  service = await startService(sandboxEnv(mailchimp))
  headers = await connectAccount(service)
})
afterAll(async () => {
  await service.stop()
  await mailchimp.stop()
})

const example = z.union([z.string(), z.array(z.string())])
const parameterSchema = z.object({
  name: z.string(),
  in: z.string(),
  required: z.boolean(),
  style: z.string().optional(),
  explode: z.boolean().optional(),
  schema: z.object({
    format: z.string().optional(),
    pattern: z.string().optional(),
    minItems: z.int().optional(),
    items: z.object({ pattern: z.string().optional() }).optional(),
    example: example.optional(),
  }),
})
const operationSchema = z.object({
  parameters: z.array(parameterSchema).default([]),
  responses: z.record(
    z.string(),
    z.object({
      links: z
        .record(
          z.string(),
          z.object({ operationId: z.string(), parameters: z.record(z.string(), z.string()) }),
        )
        .default({}),
    }),
  ),
})
const documentSchema = z.object({ paths: z.record(z.string(), z.record(z.string(), operationSchema)) })

const componentsSchema = z.object({
  components: z.object({
    schemas: z.object({
      ExportEvent: z.object({
        oneOf: z.array(
          z.object({ properties: z.object({ $export: z.object({ enum: z.array(z.string()) }) }) }),
        ),
      }),
    }),
  }),
})

async function readDocument() {
  return documentSchema.parse(await (await fetch(`${service.url}/openapi.json`)).json()).paths
}

async function parameterOf(route: string, name: string) {
  const found = (await readDocument())[`/v1/integrations/mailchimp${route}`]?.["get"]?.parameters.find(
    (parameter) => parameter.name === name,
  )
  if (found === undefined) throw new Error(`${route} has no parameter ${name}`)
  return { ...found, matches: (text: string) => new RegExp(found.schema.pattern ?? "$^", "u").test(text) }
}

test("forward_url is declared a URI of http or https", async () => {
  const { schema, required, matches } = await parameterOf("/auth/login", "forward_url")
  expect([schema.format, required]).toEqual(["uri", true])
  for (const good of ["https://app.example.com/a?b=c", "http://127.0.0.1:3000", "HTTPS://app.example.com"])
    expect([good, matches(good)]).toEqual([good, true])
  for (const bad of ["", "/here", "javascript:alert(1)", "ftp://app.example.com", "app.example.com"])
    expect([bad, matches(bad)]).toEqual([bad, false])
})

test("a state is declared required, in the form of the states that a login creates", async () => {
  const { required, matches } = await parameterOf("/callback", "state")
  expect(required).toBe(true)
  const login = await fetch(`${service.api}/auth/login?forward_url=https://app.example.com/`, {
    headers: await bearer("nobody"),
    redirect: "manual",
  })
  const state = new URL(login.headers.get("location") ?? "").searchParams.get("state") ?? ""
  expect([matches(state), matches(""), matches("x"), matches(`${state}=`)]).toEqual([
    true,
    false,
    false,
    false,
  ])
})

test("a cursor is declared in the form of the cursors that an export returns, as a parameter and as a header", async () => {
  const cursors: string[] = []
  for await (const line of readLines(await fetch(`${service.api}/export?events=true`, { headers })))
    if ("event" in line && "cursor" in line.event) cursors.push(line.event.cursor ?? "")
  expect(cursors.length).toBeGreaterThan(0)
  for (const route of ["/export", "/export/{id}"]) {
    for (const name of ["cursor", "Export-Cursor"]) {
      const { matches } = await parameterOf(route, name)
      expect(cursors.map(matches)).not.toContain(false)
      expect(["", "null", "eyJ", `${cursors[0]},${cursors[0]}`].map(matches)).not.toContain(true)
    }
  }
})

test("the schema of event lines is declared, and described where an export declares NDJSON", async () => {
  const document = JSON.stringify(await (await fetch(`${service.url}/openapi.json`)).json())
  const { components } = componentsSchema.parse(JSON.parse(document))
  expect(components.schemas.ExportEvent.oneOf.map(({ properties }) => properties.$export.enum)).toEqual(
    ["start", "checkpoint", "progress", "deleted", "list_error", "error", "end", "caught_up"].map((kind) => [
      kind,
    ]),
  )
  expect(document.match(/#\/components\/schemas\/ExportEvent/g)).toHaveLength(2)
})

/** Names of every kind: known, with the prefix, of merge fields and interests, misspelled, and no names at all. */
const names = {
  good: [
    "id",
    "email_address",
    "members.status",
    "stats.ecommerce_data.total_revenue",
    "merge_fields",
    "_links.rel",
  ],
  merge: [
    "merge_fields.FNAME",
    "members.merge_fields.ADDRESS.zip",
    "merge_fields.Ünïcode",
    "merge_fields.A B",
    "interests.9143cf3bd1",
    "members.interests.9143cf3bd1",
  ],
  bad: [
    "",
    "email",
    "ID",
    "stats.",
    ".id",
    "id.id",
    "statsxavg_open_rate",
    "members.",
    "merge_fields.",
    "interests.",
    "interests.9143cf3bd1.name",
    "null",
    "a@b.example",
  ],
}

test.each(["fields", "exclude_fields"] as const)(
  "%s is declared as a list of one or more known names, joined by commas, and accepts exactly these",
  async (name) => {
    for (const route of ["/export", "/export/{id}"]) {
      const { schema, style, explode } = await parameterOf(route, name)
      expect([style, explode, schema.minItems]).toEqual(["form", false, 1])
      const pattern = new RegExp(schema.items?.pattern ?? "$^", "u")
      for (const field of [...names.good, ...names.merge]) {
        expect([field, pattern.test(field)]).toEqual([field, true])
        expect(() => parseSelection({ [name]: [field] })).not.toThrow()
      }
      for (const field of names.bad) {
        expect([field, pattern.test(field)]).toEqual([field, false])
        expect(() => parseSelection({ [name]: [field] })).toThrow(`: ${name}`)
      }
    }
  },
)

test("several names may be joined, as documented, or repeated", async () => {
  const forms = [
    "fields=status,email_address",
    "fields=status&fields=email_address",
    "fields=status%2Cemail_address",
  ]
  const responses = forms.map(async (query) =>
    (await fetch(`${service.api}/export?count=3&${query}`, { headers })).text(),
  )
  const [first, ...others] = await Promise.all(responses)
  expect(Object.keys(JSON.parse(first?.split("\n")[0] ?? "")).toSorted()).toEqual(["email_address", "status"])
  for (const other of others) expect(other).toBe(first ?? "")
})

test("a request made of a route's own examples succeeds, on every route that has any", async () => {
  const succeeded: string[] = []
  for (const [path, { get }] of Object.entries(await readDocument())) {
    const given = (get?.parameters ?? []).flatMap(({ name, in: location, schema }) =>
      schema.example === undefined ? [] : [{ name, location, value: String(schema.example) }],
    )
    // No example of a state can be valid.
    if (given.length === 0 || path.endsWith("/callback")) continue
    const query = new URLSearchParams(
      given
        .filter(({ location }) => location === "query")
        .map(({ name, value }): [string, string] => [name, value]),
    )
    const filled = given.reduce((text, { name, value }) => text.replace(`{${name}}`, value), path)
    const response = await fetch(`${service.url}${filled}?${query}`, { headers, redirect: "manual" })
    expect([path, response.status, await response.text()]).toEqual([
      path,
      expect.any(Number),
      expect.not.stringContaining('"success":false'),
    ])
    expect([200, 302]).toContain(response.status)
    succeeded.push(path.replace("/v1/integrations/mailchimp", ""))
  }
  expect(succeeded.toSorted()).toEqual(["/auth/login", "/export", "/export/{id}", "/lists/{id}"])
})

test("a list in /lists links to its export", async () => {
  const { responses } = (await readDocument())["/v1/integrations/mailchimp/lists"]?.["get"] ?? {}
  const { exportList } = responses?.["200"]?.links ?? {}
  expect(exportList).toEqual({ operationId: "exportList", parameters: { id: "$response.body#/data/0/id" } })
  const lists = z
    .object({ data: z.array(z.object({ id: z.string() })) })
    .parse(await (await fetch(`${service.api}/lists`, { headers })).json())
  expect((await fetch(`${service.api}/export/${lists.data[0]?.id}`, { headers })).status).toBe(200)
})
