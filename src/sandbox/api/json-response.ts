import type { Json } from "../members/member.ts"
import type { ApiContext } from "./context.ts"
import { createProjection } from "./partial-response.ts"

/** Responds with the fields that the request names, or with all fields if it names none. */
export function jsonResponse(c: ApiContext, body: Json): Response {
  const projection = createProjection(c.req.query("fields"), c.req.query("exclude_fields"), "")
  return jsonBytesResponse(Buffer.from(JSON.stringify(projection.apply(body))))
}

/** Responds with JSON that is already serialized. */
export function jsonBytesResponse(bytes: Uint8Array): Response {
  return new Response(bytes, { headers: { "content-type": "application/json; charset=utf-8" } })
}
