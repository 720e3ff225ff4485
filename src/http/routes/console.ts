import { createRoute, OpenAPIHono, z } from "@hono/zod-openapi"
import type { HTMLBundle } from "bun"
import { html } from "hono/html"
import { createBuiltPage, respondWithFile } from "../built-page.ts"
import { hideUrl } from "../callback-error-page.ts"
import { protectPage } from "../page-policy.ts"

const consoleRoute = createRoute({
  method: "get",
  path: "/console",
  operationId: "readConsole",
  summary: "A page to connect an account and export it",
  tags: ["Health"],
  security: [],
  responses: {
    200: { description: "The page", content: { "text/html": { schema: z.string() } } },
  },
})

/**
 * The web console. The caller's JWT comes in the fragment of its address, `#token=`, which no request sends. Any query is
 * accepted.
 */
export function createConsoleRoutes(page: HTMLBundle) {
  const routes = new OpenAPIHono()
  const readBuilt = createBuiltPage(page, "/console/")

  routes.openapi(consoleRoute, async (context) => {
    const built = await readBuilt()
    protectPage(context)
    context.header("cache-control", "no-cache")
    return context.html(built.html, 200)
  })

  // Where a login that the console started ends.
  routes.get("/console/connected", async (context) => {
    const style = [...(await readBuilt()).files.keys()].find((name) => name.endsWith(".css"))
    protectPage(context)
    hideUrl(context)
    const words = outcomeOf(context.req.query("status"), context.req.query("reason"))
    return context.html(renderOutcome({ ...words, style: `/console/${style}` }), 200)
  })

  routes.get("/console/:file", async (context) => {
    const response = respondWithFile(await readBuilt(), context.req.param("file"))
    return response ?? context.notFound()
  })

  return routes
}

/** In words for the person who gave, or denied, their consent. */
function outcomeOf(status: string | undefined, reason: string | undefined) {
  if (status === "success")
    return {
      title: "Connected",
      text: "Close this tab, and go back to “Mailchimp export”: that tab continues by itself.",
    }
  const why =
    reason === "access_denied"
      ? "You denied access, so nothing was connected."
      : "Mailchimp could not be connected."
  return {
    title: "Not connected",
    text: `${why} Close this tab, go back to “Mailchimp export”, and press Connect again.`,
  }
}

function renderOutcome({ title, text, style }: { title: string; text: string; style: string }) {
  return html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="color-scheme" content="light dark" />
        <title>${title}</title>
        <link rel="stylesheet" href="${style}" />
      </head>
      <body>
        <header><h1>Mailchimp export</h1></header>
        <main>
          <section>
            <h2>${title}</h2>
            <p>${text}</p>
          </section>
        </main>
      </body>
    </html>`
}
