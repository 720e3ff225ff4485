import type { Service } from "../../src/client/request.ts"

export type Reply = Response | Error | ((url: URL, init: RequestInit) => Response | Promise<Response>)

/** A service of which each request gets the next reply, and what was requested. */
export function serviceOf(...replies: readonly Reply[]) {
  const requests: { readonly url: URL; readonly init: RequestInit; readonly headers: Headers }[] = []
  const service: Service = {
    baseUrl: "https://export.example.com",
    token: "first",
    fetch: async (text, init) => {
      const url = new URL(text)
      const reply = replies[requests.length]
      requests.push({ url, init, headers: new Headers(init.headers) })
      if (reply === undefined) throw new TypeError("one request too many")
      if (reply instanceof Error) throw reply
      return typeof reply === "function" ? reply(url, init) : reply
    },
  }
  return { service, requests }
}

/** A problem of the service. */
export function problemOf(status: number, code: string, headers: Record<string, string> = {}): Response {
  const body = { type: `/docs#${code}`, title: code, status, detail: `about ${code}`, code, success: false }
  return Response.json(body, {
    status,
    headers: { "content-type": "application/problem+json", "x-request-id": "r1", ...headers },
  })
}

export const dataOf = (data: unknown) => Response.json({ success: true, message: "Success", data })

export const start = { $export: "start", id: "e1", lists: [{ id: "l1", name: "List", estimate: 4 }] }
export const checkpoint = (cursor: string) => ({ $export: "checkpoint", cursor, rows: 0 })
export const end = (changes: object = {}) => ({
  $export: "end",
  status: "complete",
  rows: 0,
  lists: [],
  cursor: "end",
  duration_ms: 1,
  ...changes,
})
export const member = (number: number) => ({ id: String(number), list_id: "l1" })

/** A response with these lines; it breaks after them if there is an error. */
export function linesOf(lines: readonly object[], error?: Error): Response {
  const encoder = new TextEncoder()
  const waiting = lines.map((line) => encoder.encode(`${JSON.stringify(line)}\n`))
  const body = new ReadableStream<Uint8Array>({
    pull: (controller) => {
      const next = waiting.shift()
      if (next) controller.enqueue(next)
      else if (error) controller.error(error)
      else controller.close()
    },
  })
  return new Response(body, { headers: { "content-type": "application/x-ndjson", "x-request-id": "r2" } })
}
