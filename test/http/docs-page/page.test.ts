import { afterAll, beforeAll, expect, test } from "bun:test"
import { errorTable } from "../../../src/errors.ts"
import { eventLineSchema } from "../../../src/exports/event-lines.ts"
import { parseDocument, routesOf } from "../../../src/http/docs-page/document.ts"
import { eventExamples } from "../../../src/http/docs-page/event-examples.ts"
import { problemSchema } from "../../../src/http/problem.ts"
import { bearer, sandboxEnv, startService } from "../../support/service.ts"
import { type SandboxAndService, startSandboxAndService } from "../../support/sandbox-and-service.ts"

let running: SandboxAndService
let html: string
const files: string[] = []

beforeAll(async () => {
  running = await startSandboxAndService({ lists: [{ name: "One", count: 1 }] })
  html = await (await fetch(`${running.service.url}/docs`)).text()
  files.push(...[...html.matchAll(/(?:src|href)="(\/docs\/[^"]+)"/g)].map(([, path = ""]) => path))
})
afterAll(() => running[Symbol.asyncDispose]())

/** The part of the page with this anchor. */
function sectionOf(anchor: string): string {
  const [, section] = html.split(new RegExp(`id=${anchor}(?=[ >])`))
  if (section === undefined) throw new Error(`the page has no ${anchor}`)
  return section.split("</section>")[0] ?? ""
}

test("the page has every parameter, body and status of every route of the document", async () => {
  const response = await fetch(`${running.service.url}/openapi.json`)
  const routes = routesOf(parseDocument(await response.json()))
  expect(routes.length).toBeGreaterThan(20)
  for (const { method, operation } of routes) {
    const section = sectionOf(operation.operationId)
    expect(section).toContain(`<span class=method>${method}</span>`)
    for (const { name } of operation.parameters) expect(section).toMatch(new RegExp(`name=${name}[ >]`))
    for (const status of Object.keys(operation.responses))
      expect(section).toContain(status < "400" ? `<dt>${status}<` : `<a href=#status-${status}>`)
    expect(section.includes("<textarea")).toBe(operation.requestBody !== undefined)
  }
})

test("the page has no table without rows", () => {
  expect(html).toContain("<tbody><tr>")
  expect(html).not.toContain("<tbody></table>")
})

test("the page has every code at the anchor to which a problem's type points", async () => {
  const response = await fetch(`${running.service.api}/lists`)
  const { type } = problemSchema.parse(await response.json())
  expect(type).toBe("/docs#unauthorized")
  for (const [code, { status }] of Object.entries(errorTable))
    expect(html.split(`id=status-${status}>`)[1]?.split("<h3")[0]).toContain(`id=${code}>`)
  for (const code of Object.keys(errorTable)) expect(sectionOf(code).length).toBeGreaterThan(60)
})

test("the page has an example of every kind of event line, which is one", () => {
  const kinds = eventLineSchema.options.flatMap(({ shape }) => [...shape.$export.values])
  expect(Object.keys(eventExamples)).toEqual(kinds)
  for (const [kind, example] of Object.entries(eventExamples)) {
    expect(eventLineSchema.parse(example)).toEqual(example)
    expect(sectionOf(`event-${kind}`)).toContain(`{"$export":"${kind}"`)
  }
})

test("what the page loads is small, named by its content and served with its type", async () => {
  expect(files).toHaveLength(2)
  let bytes = Bun.gzipSync(html, { level: 9 }).length
  for (const path of files) {
    const response = await fetch(running.service.url + path)
    expect(response.headers.get("cache-control")).toBe("public, max-age=31536000, immutable")
    expect(response.headers.get("content-type")).toMatch(/^text\/(css|javascript);charset=utf-8$/)
    bytes += Bun.gzipSync(await response.arrayBuffer(), { level: 9 }).length
  }
  expect(bytes).toBeLessThan(15 * 1024)
  expect((await fetch(`${running.service.url}/docs/none.js`)).status).toBe(404)
})

test("the page may load nothing else, runs no inline script, and is in no frame", async () => {
  const { headers } = await fetch(`${running.service.url}/docs`)
  expect(headers.get("content-security-policy")).toBe(
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'",
  )
  expect(headers.get("referrer-policy")).toBe("no-referrer")
  expect(html).not.toMatch(/<style|style=|<script(?![^>]* src=)|\son\w+=/)
})

test("the login accepts JSON and begins with a forward URL that is allowed, if the page knows one", async () => {
  expect(sectionOf("login")).toContain('data-accept="application/json"')
  expect(sectionOf("exportLists")).not.toContain("data-accept")
  expect(sectionOf("login")).toMatch(/<input name=forward_url required placeholder="[^"]*"/)
  const own = await startService({ ...sandboxEnv({ url: "http://127.0.0.1:9" }), FORWARD_URL_ORIGINS: "" })
  const page = await (await fetch(`${own.url}/docs`)).text()
  const [, forwardUrl = ""] = /name=forward_url required value="([^"]*)"/.exec(page) ?? []
  const login = await fetch(`${own.api}/auth/login?forward_url=${forwardUrl}`, {
    headers: { ...(await bearer("1")), accept: "application/json" },
  })
  await own.stop()
  expect(login.status).toBe(200)
})
