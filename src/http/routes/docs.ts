import { createRoute, OpenAPIHono, z } from "@hono/zod-openapi"
import { createBuiltPage, respondWithFile } from "../built-page.ts"
import { parseDocument } from "../docs-page/document.ts"
import page from "../docs-page/page.html"
import { renderPage } from "../docs-page/render-page.ts"
import type { Prefilled } from "../docs-page/render-route.ts"
import { protectPage } from "../page-policy.ts"

const docsRoute = createRoute({
  method: "get",
  path: "/docs",
  operationId: "readDocs",
  summary: "This page, with forms to try each route",
  tags: ["Health"],
  security: [],
  responses: {
    200: { description: "The page", content: { "text/html": { schema: z.string() } } },
  },
})

/** The page of routes, event lines and problems. Any query is accepted. */
export function createDocsRoutes(deps: {
  /** The document at /openapi.json; called once. */
  readonly readDocument: () => unknown
  readonly publicUrl: string
  readonly isAllowedForwardUrl: (forwardUrl: string) => boolean
}) {
  const routes = new OpenAPIHono()
  const readBuilt = createBuiltPage(page, "/docs/")
  const ownUrl = `${deps.publicUrl}/docs`
  const prefilled: Prefilled = deps.isAllowedForwardUrl(ownUrl) ? { forward_url: ownUrl } : {}
  let content: string | undefined

  routes.openapi(docsRoute, async (context) => {
    const { html } = await readBuilt()
    content ??= renderPage(parseDocument(deps.readDocument()), prefilled)
    protectPage(context)
    context.header("cache-control", "no-cache")
    return context.html(
      html.replace("<body></body>", () => `<body>${content}</body>`),
      200,
    )
  })

  routes.get("/docs/:file", async (context) => {
    const response = respondWithFile(await readBuilt(), context.req.param("file"))
    return response ?? context.notFound()
  })

  return routes
}
