import { afterAll, beforeAll, describe, expect, test } from "bun:test"
import { z } from "zod"
import { startSandbox } from "../../src/sandbox/serve.ts"
import { bearer, sandboxEnv, startService, type RunningService } from "../support/service.ts"

const mailchimp = startSandbox()
let service: RunningService

beforeAll(async () => {
  service = await startService({ ...sandboxEnv(mailchimp), CORS_ORIGINS: "https://app.example.com" })
})
afterAll(async () => {
  await service.stop()
  await mailchimp.stop()
})

const prefix = "/v1/integrations/mailchimp"
const documentSchema = z.object({ paths: z.record(z.string(), z.record(z.string(), z.unknown())) })

/** Every path of the service, with its methods. */
async function readRoutes(): Promise<[path: string, methods: string[]][]> {
  const { paths } = documentSchema.parse(await (await fetch(`${service.url}/openapi.json`)).json())
  const routes = Object.entries(paths).map(([path, operations]): [string, string[]] => [
    path.replace("{id}", "abc"),
    Object.keys(operations).flatMap((method) =>
      method === "get" ? ["GET", "HEAD"] : [method.toUpperCase()],
    ),
  ])
  return [...routes, ["/openapi.json", ["GET", "HEAD"]]]
}

/** Over a raw socket, because fetch refuses to send TRACE and CONNECT. */
async function send(method: string, path: string, headers: Record<string, string> = {}) {
  const { promise: ended, resolve, reject } = Promise.withResolvers<void>()
  const lines = Object.entries({ host: "127.0.0.1", connection: "close", "content-length": "0", ...headers })
  let text = ""
  await Bun.connect({
    hostname: "127.0.0.1",
    port: Number(new URL(service.url).port),
    socket: {
      open: (socket) =>
        void socket.write(
          `${method} ${path} HTTP/1.1\r\n${lines.map(([name, value]) => `${name}: ${value}\r\n`).join("")}\r\n`,
        ),
      data: (_, bytes) => void (text += bytes.toString()),
      close: () => resolve(),
      error: (_, error) => reject(error),
    },
  })
  await ended
  const [head = "", body = ""] = text.split("\r\n\r\n")
  const [statusLine = "", ...fields] = head.split("\r\n")
  const pairs = fields.map((field): [string, string] => {
    const [name = "", value = ""] = field.split(/: *(.*)/)
    return [name, value]
  })
  return { status: Number(statusLine.split(" ")[1]), headers: new Headers(pairs), body }
}

const methods = ["GET", "DELETE", "POST", "PUT", "PATCH", "QUERY", "TRACE", "CONNECT", "PROPFIND"]

describe.each([
  ["without a token", () => Promise.resolve({})],
  ["with a token", () => bearer("ada")],
])("%s", (_, headersOf) => {
  test("a method that a path does not have is a 405 with Allow, on every path", async () => {
    const headers = await headersOf()
    let checked = 0
    for (const [path, allowed] of await readRoutes()) {
      for (const method of methods.filter((method) => !allowed.includes(method))) {
        const response = await send(method, path, headers)
        expect([method, path, response.status]).toEqual([method, path, 405])
        expect(response.headers.get("allow")?.split(", ").toSorted()).toEqual(allowed.toSorted())
        expect(response.headers.get("content-type")).toBe("application/problem+json")
        expect(response.headers.get("x-request-id")).toBeString()
        expect(JSON.parse(response.body)).toMatchObject({
          code: "method_not_allowed",
          status: 405,
          title: "Method Not Allowed",
        })
        checked += 1
      }
    }
    expect(checked).toBeGreaterThan(60)
  })

  test("a path that no route has is never a 405, whatever the method", async () => {
    const headers = await headersOf()
    for (const method of methods) {
      for (const path of ["/", "/nothing", "/healthz/", `${prefix}/callback/x`, `${prefix}/lists/`]) {
        expect([method, path, (await send(method, path, headers)).status]).toEqual([method, path, 404])
      }
    }
  })
})

test("without a token, an unknown path below a secured path stays a 401", async () => {
  for (const method of ["GET", "POST"]) {
    expect((await send(method, `${prefix}/auth/nothing`)).status).toBe(401)
    expect((await send(method, `${prefix}/auth/nothing`, await bearer("ada"))).status).toBe(404)
  }
})

test("the path is matched like a route: escaped, with a query", async () => {
  expect((await send("POST", "/%68ealthz?a=b")).headers.get("allow")).toBe("GET, HEAD")
  expect((await send("POST", `${prefix}/export/a%20b`)).headers.get("allow")).toBe("GET, HEAD")
  expect((await send("POST", `${prefix}/auth?colour=red`)).headers.get("allow")).toBe("DELETE, GET, HEAD")
})

test("a request with a body gets its 405, and a page of an allowed origin can read it", async () => {
  const response = await fetch(`${service.api}/export`, {
    method: "POST",
    body: JSON.stringify({ text: "x".repeat(100_000) }),
    headers: { origin: "https://app.example.com", "content-type": "application/json" },
  })
  expect(response.status).toBe(405)
  expect(response.headers.get("access-control-allow-origin")).toBe("https://app.example.com")
  expect(await response.json()).toMatchObject({
    detail: "Cannot use this method on this path: use one of GET, HEAD",
  })
})

test("HEAD is allowed on every route with GET, without a body, and OPTIONS is a 204", async () => {
  for (const [path, methods] of await readRoutes()) {
    const { status, body } = await send("HEAD", path)
    expect([path, status, body]).toEqual([path, expect.any(Number), ""])
    expect([path, status !== 405]).toEqual([path, methods.includes("GET")])
    expect((await send("OPTIONS", path)).status).toBe(204)
  }
})

describe("CORS", () => {
  const list = (value: string | null) => value?.toLowerCase().split(/, */).toSorted()
  const origin = "https://app.example.com"

  test("the preflight lists the methods of the routes, and the headers that they read", async () => {
    const { headers } = await send("OPTIONS", `${prefix}/auth`, {
      origin,
      "access-control-request-method": "PATCH",
      "access-control-request-headers": "x-anything",
    })
    const routed = new Set((await readRoutes()).flatMap(([, methods]) => methods))
    expect(list(headers.get("access-control-allow-methods"))).toEqual(
      [...routed].map((method) => method.toLowerCase()).toSorted(),
    )
    expect(list(headers.get("access-control-allow-headers"))).toEqual([
      "authorization",
      "content-type",
      "export-cursor",
      "idempotency-key",
      "if-range",
      "prefer",
      "range",
      "x-request-id",
    ])
  })

  test("a page can read the headers that say what to do next", async () => {
    const { headers } = await send("GET", "/healthz", { origin })
    expect(list(headers.get("access-control-expose-headers"))).toEqual([
      "age",
      "content-disposition",
      "content-range",
      "etag",
      "location",
      "retry-after",
      "x-request-id",
    ])
  })
})
