import { afterAll, beforeAll, expect, test } from "bun:test"
import { type SandboxAndService, startSandboxAndService } from "../../support/sandbox-and-service.ts"

let running: SandboxAndService
let page: Response
let html: string

beforeAll(async () => {
  running = await startSandboxAndService({ lists: [{ name: "One", count: 1 }] })
  page = await fetch(`${running.service.url}/console`)
  html = await page.text()
})
afterAll(() => running[Symbol.asyncDispose]())

test("the console is small, and its files are named by their content", async () => {
  const files = [...html.matchAll(/(?:src|href)="(\/console\/[^"]+)"/g)].map(([, path = ""]) => path)
  expect(files).toHaveLength(2)
  let bytes = Bun.gzipSync(html, { level: 9 }).length
  for (const path of files) {
    const response = await fetch(running.service.url + path)
    expect(response.headers.get("cache-control")).toBe("public, max-age=31536000, immutable")
    bytes += Bun.gzipSync(await response.arrayBuffer(), { level: 9 }).length
  }
  expect(bytes).toBeLessThan(20 * 1024)
  // The page on which the second tab ends has the same style.
  const ended = await fetch(`${running.service.url}/console/connected?status=success`)
  expect(await ended.text()).toContain(files.find((path) => path.endsWith(".css")) ?? "none")
})

test("the console may load nothing else, is in no frame, and sends no referrer", () => {
  const policy = page.headers.get("content-security-policy") ?? ""
  for (const rule of ["default-src 'none'", "frame-ancestors 'none'", "require-trusted-types-for 'script'"])
    expect(policy).toContain(rule)
  expect(page.headers.get("referrer-policy")).toBe("no-referrer")
})
