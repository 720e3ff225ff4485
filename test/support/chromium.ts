import { type Page, chromium } from "playwright-core"

const executablePath = Bun.which("chromium") ?? Bun.which("google-chrome") ?? undefined

/** Tests that need a browser are skipped on a machine without one. */
export const hasChromium = executablePath !== undefined

/** Opens a page in Chromium, for as long as `visit` takes. */
export async function withPage<T>(url: string, visit: (page: Page) => Promise<T>): Promise<T> {
  const browser = await chromium.launch({ ...(executablePath && { executablePath }), args: ["--no-sandbox"] })
  try {
    const page = await browser.newPage()
    await page.goto(url)
    return await visit(page)
  } finally {
    await browser.close()
  }
}

/** Serves one script on a page of its own origin. */
export function servePage(script: string) {
  const server = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    fetch: (request) =>
      new URL(request.url).pathname === "/app.js"
        ? new Response(script, { headers: { "content-type": "text/javascript" } })
        : new Response('<!doctype html><script type="module" src="/app.js"></script>', {
            headers: { "content-type": "text/html" },
          }),
  })
  return { origin: server.url.origin, stop: () => server.stop(true) }
}
