import { Hono, type Context } from "hono"
import { z } from "zod"
import { churnSchema } from "../churn.ts"
import type { Controls } from "../controls.ts"
import { describeSandbox } from "./describe-sandbox.ts"
import { renderHomePage } from "./home-page.ts"
import { churnStartSchema, disabledSchema, faultSchema, settingsSchema } from "./request-bodies.ts"

/**
 * The page at `/` and the routes by which another process controls the sandbox. Mailchimp has none of these routes,
 * and requests to them are neither counted nor broken.
 */
export function createAdminRoutes(sandbox: Controls): Hono {
  return new Hono()
    .get("/", (c) => c.html(renderHomePage(describeSandbox(sandbox))))
    .get("/sandbox/state", (c) => c.json(describeSandbox(sandbox)))
    .post("/sandbox/reset", (c) => {
      sandbox.reset()
      return c.body(null, 204)
    })
    .put("/sandbox/settings", async (c) => {
      const body = await read(c, settingsSchema)
      if (!body.success) return refuse(c, body.error)
      Object.assign(sandbox.settings, body.data)
      return c.json(describeSandbox(sandbox).settings)
    })
    .get("/sandbox/requests", (c) => c.json(sandbox.traffic.log))
    .post("/sandbox/faults", async (c) => {
      const body = await read(c, faultSchema)
      if (!body.success) return refuse(c, body.error)
      const { times, ...fault } = body.data
      sandbox.faults.add({
        ...fault,
        ...(times === undefined ? {} : { times: times === -1 ? Infinity : times }),
      })
      return c.json(sandbox.faults.list(), 201)
    })
    .delete("/sandbox/faults", (c) => {
      sandbox.faults.clear()
      return c.body(null, 204)
    })
    .put("/sandbox/churn", async (c) => {
      const body = await read(c, churnStartSchema)
      if (!body.success) return refuse(c, body.error)
      sandbox.churn.start(body.data)
      return c.body(null, 204)
    })
    .delete("/sandbox/churn", (c) => {
      sandbox.churn.stop()
      return c.body(null, 204)
    })
    .post("/sandbox/lists/:list_id/changes", async (c) => {
      const body = await read(c, churnSchema)
      if (!body.success) return refuse(c, body.error)
      sandbox.churn.once(c.req.param("list_id"), body.data)
      return c.json(sandbox.churn.made)
    })
    .get("/sandbox/lists/:list_id/truth", (c) => {
      const members = sandbox.truth(c.req.param("list_id")).members()
      const lines = async function* () {
        const encoder = new TextEncoder()
        for (const member of members) {
          yield encoder.encode(
            `${JSON.stringify({ ...member, at: Number.isFinite(member.at) ? member.at : null })}\n`,
          )
        }
      }
      return new Response(lines(), { headers: { "content-type": "application/x-ndjson" } })
    })
    .post("/sandbox/accounts/:user_id/revoke", (c) => {
      sandbox.revoke(Number(c.req.param("user_id")))
      return c.body(null, 204)
    })
    .put("/sandbox/accounts/:user_id/disabled", async (c) => {
      const body = await read(c, disabledSchema)
      if (!body.success) return refuse(c, body.error)
      sandbox.setDisabled(Number(c.req.param("user_id")), body.data)
      return c.body(null, 204)
    })
    .onError((error, c) => {
      if (error instanceof RangeError) return c.json({ error: error.message }, 404)
      throw error
    })
}

async function read<T extends z.ZodType>(c: Context, schema: T) {
  return schema.safeParse(await c.req.json().catch(() => undefined))
}

function refuse(c: Context, error: z.ZodError): Response {
  return c.json({ error: z.prettifyError(error) }, 400)
}
