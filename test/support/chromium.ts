import { type BrowserContextOptions, type Page, chromium } from "playwright-core"

export const executablePath = Bun.which("chromium") ?? Bun.which("google-chrome") ?? undefined

/** Tests that need a browser are skipped on a machine without one. */
export const hasChromium = executablePath !== undefined

/** Opens a page in Chromium, for as long as `visit` takes. */
export async function withPage<T>(
  url: string,
  visit: (page: Page) => Promise<T>,
  options: BrowserContextOptions = {},
): Promise<T> {
  const browser = await chromium.launch({ ...(executablePath && { executablePath }), args: ["--no-sandbox"] })
  try {
    const page = await browser.newPage(options)
    await page.goto(url)
    return await visit(page)
  } finally {
    await browser.close()
  }
}

/** What a path of a page's origin has. */
type Content = { readonly body: string | (() => string); readonly type: string }

/** Serves a page and what belongs to it on an origin of their own. */
export function servePage(contents: Readonly<Record<string, Content>>) {
  const server = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    fetch: (request) => {
      const content = contents[new URL(request.url).pathname]
      if (!content) return new Response("Not found", { status: 404 })
      const { body, type } = content
      return new Response(typeof body === "string" ? body : body(), { headers: { "content-type": type } })
    },
  })
  return { origin: server.url.origin, stop: () => server.stop(true) }
}
