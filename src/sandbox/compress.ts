import { promisify } from "node:util"
import { gzip } from "node:zlib"

/** The response, compressed if the client accepts gzip and the response may have a body. */
export async function compress(request: Request, response: Response): Promise<Response> {
  const accepts = /\bgzip\b/.test(request.headers.get("accept-encoding") ?? "")
  if (!accepts || response.status === 204 || response.status === 302) return response
  const headers = new Headers(response.headers)
  headers.set("content-encoding", "gzip")
  headers.set("vary", "Accept-Encoding")
  return new Response(await gzipAsync(await response.bytes(), { level: 1 }), {
    status: response.status,
    headers,
  })
}

const gzipAsync = promisify(gzip)
