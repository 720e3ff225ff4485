import { afterAll, beforeAll, describe, expect, test } from "bun:test"
import { z } from "zod"
import { errorTable } from "../src/errors.ts"
import { startSandbox } from "../src/sandbox/serve.ts"
import { bearer, connectAccount, sandboxEnv, startService, type RunningService } from "./support/service.ts"

const mailchimp = startSandbox({ decision: "approve", accounts: [{ lists: [{ name: "Small", count: 20 }] }] })
let service: RunningService
let headers: Record<string, string>

beforeAll(async () => {
  service = await startService({ ...sandboxEnv(mailchimp), CORS_ORIGINS: "https://app.example.com" })
  headers = await connectAccount(service)
})
afterAll(async () => {
  await service.stop()
  await mailchimp.stop()
})

const prefix = "/v1/integrations/mailchimp"
const problemSchema = z.strictObject({
  type: z.string(),
  title: z.string(),
  status: z.int(),
  detail: z.string(),
  code: z.string(),
  errors: z.array(z.strictObject({ name: z.string(), reason: z.string() })).optional(),
  success: z.literal(false),
  message: z.string(),
})

async function problemOf(path: string, init: RequestInit = {}) {
  const response = await fetch(service.url + path, {
    redirect: "manual",
    ...init,
    headers: { ...headers, ...init.headers },
  })
  expect(response.headers.get("content-type")).toBe("application/problem+json")
  const problem = problemSchema.parse(await response.json())
  expect(problem).toMatchObject({
    status: response.status,
    type: `/docs#${problem.code}`,
    message: problem.title,
  })
  return { ...problem, headers: response.headers }
}

const openapiSchema = z.object({
  openapi: z.string(),
  paths: z.record(
    z.string(),
    z.record(
      z.string(),
      z.object({
        parameters: z.array(z.object({ name: z.string(), in: z.string() })).default([]),
        responses: z.record(z.string(), z.object({ description: z.string() })),
        security: z.array(z.unknown()),
      }),
    ),
  ),
})
const readOpenapi = async () => openapiSchema.parse(await (await fetch(`${service.url}/openapi.json`)).json())

/** Values that each parameter must refuse, with the reason. Parameters without values here accept any text. */
const badValues: Record<string, readonly (readonly [query: string, reason: string])[]> = {
  count: [
    ["count=0", "must be a whole number from 1 to 1000"],
    ["count=1001", "must be a whole number from 1 to 1000"],
    ["count=ten", "must be a whole number from 1 to 1000"],
    ["count=", "must be a whole number from 1 to 1000"],
    ["count=1&count=2", "must be given only once"],
  ],
  offset: [
    ["offset=-1", "must be a whole number from 0 to 999999999999999"],
    ["offset=1.5", "must be a whole number from 0 to 999999999999999"],
    ["offset=99999999999999999999", "must be a whole number from 0 to 999999999999999"],
  ],
  fields: [
    [
      "fields=email_adress",
      "must not name email_adress because no member has such a field: did you mean email_address",
    ],
    ["fields=id,,status", "must name fields of a member, separated by commas"],
    ["fields=", "must name fields of a member, separated by commas"],
    [
      "fields=merge_fields.FNAMES",
      "must not name merge_fields.FNAMES because no member has such a field: did you mean merge_fields.FNAME",
    ],
  ],
  exclude_fields: [
    ["exclude_fields=email", "must not name email because no member has such a field"],
    ["exclude_fields=id&fields=id", "must not come together with fields"],
  ],
  status: [
    ["status=gone", "must be one of subscribed, unsubscribed, cleaned, pending, transactional, archived"],
    ["status=subscribed,subscribed", "must not name anything twice"],
    ["status=subscribed,cleaned&offset=1", "must be a single status with count or offset"],
    ["status=subscribed&status=cleaned", "must be given only once, with commas between its values"],
  ],
  include: [["include=unsubscribed", "must be one of archived"]],
  since_last_changed: [
    ["since_last_changed=yesterday", "must be a date and time in ISO 8601 with a zone"],
    ["since_last_changed=2026-01-31T08:00:00", "must be a date and time in ISO 8601 with a zone"],
    ["since_last_changed=2026-01-31T08:00:00Z&count=3", "must not come together with count or offset"],
  ],
  before_last_changed: [
    ["before_last_changed=2026-13-01T00:00:00Z", "must be a date and time in ISO 8601 with a zone"],
    [
      "before_last_changed=2026-01-01T00:00:00Z&since_last_changed=2026-01-02T00:00:00%2B00:00",
      "must be later than since_last_changed",
    ],
  ],
  events: [
    ["events=yes", "must be one of true, false"],
    ["events=true&format=json", "requires NDJSON: format=ndjson"],
    ["events=true&offset=3", "must not come together with count or offset"],
  ],
  follow: [
    ["follow=yes&events=true", "must be one of true, false"],
    ["follow=true", "requires events=true"],
  ],
  cursor: [
    ["cursor=a&cursor=b", "must be given only once"],
    ["cursor=a&format=json", "requires NDJSON: format=ndjson"],
  ],
  "Export-Cursor": [
    ["a, b", "must be given only once"],
    ["a", "must equal the parameter cursor, or be left out"],
  ],
  format: [["format=xml", "must be one of ndjson, json, csv"]],
  list_id: [
    ["list_id=a%20b", "must be ids of lists, as in /lists"],
    ["list_id=a,b,a", "must not name anything twice"],
    ["list_id=", "must be ids of lists, as in /lists"],
  ],
  formulas: [
    ["formulas=live&format=csv", "must be one of defused, raw"],
    ["formulas=raw", "requires CSV: format=csv"],
  ],
  download: [["download=yes", "must be one of true, false"]],
  bom: [
    ["bom=1&format=csv", "must be one of true, false"],
    ["bom=true&format=json", "requires CSV: format=csv"],
  ],
  sub_account_id: [
    ["sub_account_id=", "must not be empty"],
    ["sub_account_id=a&sub_account_id=b", "must be given only once"],
  ],
  forward_url: [
    ["", "must be given"],
    ["forward_url=/here", "must be an absolute http or https URL"],
  ],
  id: [["", "must be the id of a"]],
  name: [["", "must be the name of a part"]],
  before: [["before=a%20b", "must be the id of a job"]],
  refresh: [["refresh=yes", "must be one of true, false"]],
  "Idempotency-Key": [["x".repeat(256), "must have at most 255 characters"]],
  state: [["state=a&state=b", "must be given only once"]],
  code: [["code=a&code=b", "must be given only once"]],
  error: [["error=a&error=b", "must be given only once"]],
}

/** Headers whose malformed values are ignored, as their RFCs say. */
const anyText = ["Prefer", "Range", "If-Range"]

test("bad input on every parameter of every route is a 400 that names the parameter and says what is valid", async () => {
  const { paths } = await readOpenapi()
  let checked = 0
  for (const [path, methods] of Object.entries(paths)) {
    // Nobody reads the problems of Mailchimp's deliveries.
    if (path.endsWith("/webhooks/{secret}")) continue
    for (const [method, { parameters }] of Object.entries(methods)) {
      for (const { name, in: location } of parameters) {
        if (anyText.includes(name)) continue
        for (const [query, reason] of badValues[name] ?? [["", `no bad value for ${name}`]]) {
          const url =
            location === "path"
              ? path.replace(`{${name}}`, "a%20b").replace(/\{\w+\}/g, "abc")
              : path.replace("{id}", "abc")
          const needed =
            name !== "forward_url" && parameters.some((other) => other.name === "forward_url")
              ? "forward_url=https://app.example.com/&"
              : ""
          const list = mailchimp.sandbox.state.accounts[0]?.lists[0]?.id ?? ""
          const isHeader = location === "header"
          const headerSearch = name === "Export-Cursor" ? "cursor=b" : ""
          const search = isHeader ? headerSearch : `${needed}${query}`
          const problem = await problemOf(`${url.replace("abc", list)}?${search}`, {
            ...withJson(path, method),
            headers: {
              ...withJson(path, method).headers,
              ...(isHeader && { [name]: query }),
              // A browser gets a page here.
              ...(path.endsWith("/callback") && { accept: "application/json" }),
            },
          })
          expect(problem).toMatchObject({ status: 400, code: "invalid_parameter" })
          expect(problem.errors).toContainEqual({ name, reason: expect.stringContaining(reason) })
          checked += 1
        }
      }
    }
  }
  expect(checked).toBeGreaterThan(40)
})

/** The one route that reads JSON gets some. */
function withJson(path: string, method: string) {
  const isRead = method === "post" && path.endsWith("/export-jobs")
  const json = { body: "{}", headers: { "content-type": "application/json" } }
  return { method: method.toUpperCase(), headers: {}, ...(isRead && json) }
}

test("the document lists the values that a parameter accepts", async () => {
  const operation = z.object({
    parameters: z.array(z.looseObject({ name: z.string(), schema: z.looseObject({}) })),
  })
  const { paths } = z
    .object({ paths: z.record(z.string(), z.looseObject({ get: z.unknown().optional() })) })
    .parse(await (await fetch(`${service.url}/openapi.json`)).json())
  const { parameters } = operation.parse(paths[`${prefix}/export`]?.get)
  const schemas = Object.fromEntries(parameters.map(({ name, schema }) => [name, schema]))
  expect(schemas).toMatchObject({
    count: { type: "integer", minimum: 1, maximum: 1000 },
    offset: { type: "integer", minimum: 0 },
    fields: { type: "array", items: { type: "string" } },
    status: { type: "array", items: { enum: expect.arrayContaining(["subscribed", "archived"]) } },
    format: { type: "string", enum: ["ndjson", "json", "csv"] },
  })
})

test("unknown parameters are a 400 on every route except the callback and the deliveries", async () => {
  const { paths } = await readOpenapi()
  for (const [path, methods] of Object.entries(paths)) {
    for (const [method, { parameters }] of Object.entries(methods)) {
      if (/\/(callback|webhooks\/\{secret\})$/.test(path) || !path.startsWith(prefix)) continue
      const needed = parameters.some(({ name }) => name === "forward_url")
        ? "forward_url=https://app.example.com/&"
        : ""
      const problem = await problemOf(
        `${path.replace("{id}", "abc")}?${needed}colour=red`,
        withJson(path, method),
      )
      expect(problem.errors).toEqual([
        { name: "colour", reason: "is not a parameter of this route: see /docs" },
      ])
    }
  }
})

test("every route that the document marks as secured is a 401 without a token, and all others are not", async () => {
  const { paths } = await readOpenapi()
  for (const [path, methods] of Object.entries(paths)) {
    for (const [method, { security }] of Object.entries(methods)) {
      const response = await fetch(service.url + path.replace("{id}", "abc"), {
        method: method.toUpperCase(),
        redirect: "manual",
      })
      expect([path, response.status === 401]).toEqual([path, security.length > 0])
      if (response.status === 401) expect(response.headers.get("www-authenticate")).toBe("Bearer")
    }
  }
})

test("/openapi.json is an OpenAPI 3.1 document of every route", async () => {
  const { openapi, paths } = await readOpenapi()
  expect(openapi).toBe("3.1.0")
  expect(Object.keys(paths).toSorted()).toEqual(
    [
      "/auth",
      "/auth/login",
      "/callback",
      "/export",
      "/export-jobs",
      "/export-jobs/{id}",
      "/export-jobs/{id}/members",
      "/export-jobs/{id}/parts/{name}",
      "/export-jobs/{id}/retry",
      "/export/{id}",
      "/lists",
      "/lists/{id}",
      "/lists/{id}/webhook",
      "/webhooks/{secret}",
    ]
      .map((path) => prefix + path)
      .concat("/console", "/docs", "/healthz", "/metrics", "/readyz")
      .toSorted(),
  )
})

test("the document declares every status that a problem can have", async () => {
  const { paths } = await readOpenapi()
  const operations = Object.values(paths).flatMap((methods) => Object.values(methods))
  const declared = new Set(operations.flatMap(({ responses }) => Object.keys(responses)))
  // A 405 concerns the methods that are not in the document, and a 507 is the error of a job, not of a request.
  const statuses = Object.values(errorTable).filter(({ status }) => status !== 405 && status !== 507)
  for (const { status } of statuses) expect(declared).toContain(String(status))
})

describe("the statuses that a caller receives", () => {
  test("401 with an invalid token", async () => {
    const problem = await problemOf(`${prefix}/auth`, { headers: { authorization: "Bearer nonsense" } })
    expect([problem.status, problem.code]).toEqual([401, "unauthorized"])
  })

  test("404 on a route that does not exist, without repeating the path", async () => {
    const problem = await problemOf("/v1/secret-in-path")
    expect([problem.status, problem.code]).toEqual([404, "route_not_found"])
    expect(problem.detail).not.toContain("secret-in-path")
  })

  test("404 if nothing is connected", async () => {
    const nobody = await bearer("nobody")
    for (const path of ["/auth", "/lists", "/export", "/export/abc"]) {
      expect((await problemOf(prefix + path, { headers: nobody })).code).toBe("access_token_not_found")
    }
  })

  test("406 if no format is acceptable", async () => {
    expect(await problemOf(`${prefix}/export`, { headers: { accept: "image/png" } })).toMatchObject({
      status: 406,
      code: "not_acceptable",
    })
  })

  test("403 for a sub-account that the token does not name, on every route with a connection", async () => {
    for (const path of [
      "/auth?",
      "/lists?",
      "/export?",
      "/export/abc?",
      "/auth/login?forward_url=https://app.example.com/&",
    ]) {
      expect((await problemOf(`${prefix}${path}sub_account_id=other`)).code).toBe("sub_account_forbidden")
    }
  })

  test("a request id is returned, the caller's own id if it is harmless", async () => {
    const response = await fetch(`${service.url}/healthz`, { headers: { "x-request-id": "abc-1" } })
    expect(response.headers.get("x-request-id")).toBe("abc-1")
    const replaced = await fetch(`${service.url}/healthz`, { headers: { "x-request-id": "a@b.example" } })
    expect(replaced.headers.get("x-request-id")).toMatch(/^[0-9a-f-]{36}$/)
  })
})

test("an unavailable database is a 503 with Retry-After within five seconds, and the process keeps running", async () => {
  const away = await startService({ ...sandboxEnv(mailchimp), MONGODB_URI: "mongodb://127.0.0.1:1/away" })
  for (const path of ["/readyz", `${prefix}/auth`, `${prefix}/lists`, `${prefix}/export`]) {
    const response = await fetch(away.url + path, { headers, signal: AbortSignal.timeout(5000) })
    expect([response.status, response.headers.get("retry-after")]).toEqual([503, "5"])
    expect(await response.json()).toMatchObject({ code: "database_unavailable" })
  }
  expect((await fetch(`${away.url}/healthz`)).status).toBe(200)
  await away.stop()
}, 30_000)

describe("CORS", () => {
  const send = (origin: string, method = "GET") =>
    fetch(`${service.api}/auth`, {
      method,
      headers: {
        origin,
        "access-control-request-method": "GET",
        "access-control-request-headers": "authorization",
      },
    })

  test("lets pages of the allowed origins call with credentials", async () => {
    const preflight = await send("https://app.example.com", "OPTIONS")
    expect(preflight.status).toBe(204)
    expect(Object.fromEntries(preflight.headers)).toMatchObject({
      "access-control-allow-origin": "https://app.example.com",
      "access-control-allow-credentials": "true",
      "access-control-allow-headers": expect.stringContaining("Authorization"),
    })
    expect((await send("https://app.example.com")).headers.get("access-control-allow-origin")).toBe(
      "https://app.example.com",
    )
  })

  test("lets these pages send every header that a route reads", async () => {
    for (const wanted of ["authorization", "content-type", "export-cursor", "x-request-id"]) {
      const preflight = await fetch(`${service.api}/export`, {
        method: "OPTIONS",
        headers: {
          origin: "https://app.example.com",
          "access-control-request-method": "GET",
          "access-control-request-headers": wanted,
        },
      })
      expect(preflight.headers.get("access-control-allow-headers")?.toLowerCase()).toContain(wanted)
    }
  })

  test("lets no page of another origin read a response", async () => {
    expect(
      (await send("https://evil.example", "OPTIONS")).headers.get("access-control-allow-origin"),
    ).toBeNull()
    expect((await send("https://evil.example")).headers.get("access-control-allow-origin")).toBeNull()
  })
})

describe("health", () => {
  test("/healthz and /readyz need no token", async () => {
    for (const path of ["/healthz", "/readyz"]) {
      const response = await fetch(service.url + path)
      expect([response.status, await response.json()]).toEqual([200, { status: "ok" }])
    }
  })

  test("while the service drains, /readyz and new exports are a 503 with Retry-After, but /healthz is not", async () => {
    const draining = await startService(sandboxEnv(mailchimp))
    const caller = await connectAccount(draining)
    draining.services.drain()
    for (const path of ["/readyz", `${prefix}/export`]) {
      const response = await fetch(draining.url + path, { headers: caller })
      expect([response.status, response.headers.get("retry-after")]).toEqual([503, "5"])
      expect(await response.json()).toMatchObject({ code: "draining" })
    }
    expect((await fetch(`${draining.url}/healthz`)).status).toBe(200)
    await draining.stop()
  })
})
