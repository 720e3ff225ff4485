import { afterAll, afterEach, describe, expect, test } from "bun:test"
import { gunzipSync, zstdDecompressSync } from "node:zlib"
import { type Coding, compress } from "../../src/lib/compress.ts"
import { startChromiumPage } from "../support/compressed-clients/chromium.ts"
import { type CompressedClient, compressedClients } from "../support/compressed-clients/clients.ts"
import { startSandboxAndService } from "../support/sandbox-and-service.ts"
import { type Action, forbidden } from "../support/three-lists.ts"
import { createVirtualClock } from "../support/virtual-clock.ts"

const page = startChromiumPage()
const pair = await startSandboxAndService({
  lists: [{ name: "Five pages", count: 600 }, { name: "Nobody yet" }],
  env: { CORS_ORIGINS: page.origin, MAILCHIMP_MAX_CONNECTIONS: "1" },
})
const { sandbox, service, headers } = pair
const url = `${service.api}/export/${pair.listIds[0]}`
const rowsOfTwoPages = 198
afterAll(async () => {
  await pair[Symbol.asyncDispose]()
  await page.stop()
})
afterEach(() => sandbox.faults.clear())

const failThirdPage = (action: Action) =>
  sandbox.faults.add({ match: { path: /members$/ }, action, skip: 2, times: Infinity })

/** Reads with a client until it has ended, or until it has the rows of two pages if `leaves`. */
async function readWith(
  [, coding, read]: CompressedClient,
  leaves = false,
  from = url,
): Promise<{ rows: number; last: string }> {
  const leaving = new AbortController()
  let rows = 0
  let last = ""
  await read(from, { ...headers, "accept-encoding": coding }, leaving.signal, (text) => {
    last = text
    if (text.startsWith("+")) rows += Number(text)
    if (leaves && rows >= rowsOfTwoPages) leaving.abort()
  }).catch((error: unknown) => {
    if (!leaving.signal.aborted) throw error
  })
  return { rows, last }
}

const pauses = 5

/** A response whose consumer stops for a second after each chunk. */
const paused = Bun.serve({
  port: 0,
  hostname: "127.0.0.1",
  fetch: (request) => {
    const cors = {
      "access-control-allow-origin": page.origin,
      "access-control-allow-headers": "authorization",
    }
    if (request.method === "OPTIONS") return new Response(null, { headers: cors })
    const coding = new URL(request.url).pathname === "/zstd" ? "zstd" : "gzip"
    return new Response(compressWithPauses(coding), { headers: { ...cors, "content-encoding": coding } })
  },
})
afterAll(() => paused.stop(true))

async function* compressWithPauses(coding: Coding): AsyncGenerator<Uint8Array> {
  const clock = createVirtualClock()
  const rows = async function* () {
    for (let row = 0; row < pauses; row += 1) yield Buffer.from(`{"row":${row}}\n`)
  }
  for await (const chunk of compress(rows(), coding, () => {}, clock)) {
    await clock.advance(1000)
    yield chunk
    // So that chunks arrive one by one.
    await Bun.sleep(50)
  }
}

describe.each([...compressedClients, ...page.clients])("%s with %s", (...client) => {
  test("reads every row", async () => {
    expect(await readWith(client)).toEqual({ rows: pair.liveRows().length, last: "end" })
  }, 120_000)

  test("reads on after it has stopped for a while", async () => {
    const [, coding] = client
    expect(await readWith(client, false, `${paused.url}${coding}`)).toEqual({ rows: pauses, last: "end" })
  }, 120_000)

  test("has each page at once", async () => {
    failThirdPage({ kind: "hang" })
    const { rows } = await readWith(client, true)
    expect(rows).toBeGreaterThanOrEqual(rowsOfTwoPages)
  }, 120_000)

  test("sees an error if the transfer breaks", async () => {
    failThirdPage(forbidden)
    const { rows, last } = await readWith(client)
    expect(rows).toBeLessThan(300)
    expect(last).not.toBe("end")
    expect(last).not.toStartWith("+")
  }, 120_000)
})

describe("a compressed export", () => {
  const request = (path: string, acceptEncoding: string, method = "GET") =>
    fetch(service.api + path, {
      method,
      headers: { ...headers, "accept-encoding": acceptEncoding },
      decompress: false,
    })

  test.each(["format=ndjson", "format=json", "format=csv&fields=email_address,status", "events=true"])(
    "has the same bytes as without compression: %s",
    async (query) => {
      const plain = await request(`/export?${query}`, "identity")
      expect([plain.headers.get("content-encoding"), plain.headers.get("vary")]).toEqual([
        null,
        expect.stringContaining("Accept-Encoding"),
      ])
      // What differs from one export to the next.
      const sorted = (text: string) =>
        text
          .replaceAll(/"(cursor|id|horizon|as_of)":"[^"]*"|"duration_ms":\d+/g, "")
          .split(/\r?\n|(?<=\}),/)
          .toSorted()
      const expected = sorted(await plain.text())
      for (const [coding, decompress] of [
        ["gzip", gunzipSync],
        ["zstd", zstdDecompressSync],
      ] as const) {
        const response = await request(`/export?${query}`, coding)
        expect(response.headers.get("content-encoding")).toBe(coding)
        expect(response.headers.get("vary")).toContain("Accept-Encoding")
        const body = await response.bytes()
        expect(sorted(decompress(body).toString())).toEqual(expected)
      }
    },
  )

  test("HEAD has the same headers, and a coding that cannot be served is a 406", async () => {
    for (const coding of ["zstd", "gzip", "identity"]) {
      const [got, head] = await Promise.all([request("/export", coding), request("/export", coding, "HEAD")])
      await got.bytes()
      for (const name of ["content-encoding", "content-type", "vary", "cache-control"])
        expect(head.headers.get(name)).toBe(got.headers.get(name))
    }
    for (const method of ["GET", "HEAD"]) {
      const response = await request("/export", "br, identity;q=0", method)
      expect([response.status, response.headers.get("content-encoding")]).toEqual([406, null])
    }
  })

  test("sends its signs of life compressed and flushed", async () => {
    sandbox.faults.add({ match: { path: /members$/ }, action: { kind: "hang" }, skip: 1, times: Infinity })
    const leaving = new AbortController()
    const response = await fetch(`${service.api}/export/${pair.listIds[1]}?include=archived`, {
      headers: { ...headers, "accept-encoding": "gzip" },
      signal: leaving.signal,
    })
    const { value } = (await response.body?.getReader().read()) ?? {}
    expect(Buffer.from(value ?? "").toString()).toBe("\n")
    leaving.abort()
  }, 60_000)
})
