import { afterAll, beforeAll, describe, expect, test } from "bun:test"
import axe from "axe-core"
import type { BrowserContextOptions, Page } from "playwright-core"
import { hasChromium, withPage } from "../support/chromium.ts"
import { newToken } from "../support/console.ts"
import { type SandboxAndService, startSandboxAndService } from "../support/sandbox-and-service.ts"

/** What a page shows of a response that has the focus, in pixels above and below it. */
const roomAround = `(() => {
  const { top, bottom } = document.activeElement.closest(".result").getBoundingClientRect()
  return Math.round(Math.min(top, innerHeight - bottom))
})()`

describe.skipIf(!hasChromium)(
  hasChromium ? "the docs page" : "the docs page (skipped: needs chromium)",
  () => {
    let running: SandboxAndService
    let token: string

    beforeAll(async () => {
      running = await startSandboxAndService({ lists: [{ name: "Newsletter", count: 20_000 }] })
      token = String(running.headers["authorization"]).replace("Bearer ", "")
    })
    afterAll(() => running[Symbol.asyncDispose]())

    const visit = async (look: (page: Page) => Promise<void>, options: BrowserContextOptions = {}) => {
      const problems: string[] = []
      await withPage(
        `${running.service.url}/docs`,
        async (page) => {
          page.on("console", (message) => problems.push(message.text()))
          page.on("pageerror", (error) => problems.push(error.message))
          await look(page)
        },
        options,
      )
      return problems
    }
    const resultOf = (page: Page, route: string) => page.locator(`#${route} .result`)
    const submit = (page: Page, route: string) => page.locator(`#${route} button[type=submit]`).press("Enter")

    test("the curl line follows the form, and what it tries stops after 20 lines of a long export", async () => {
      const problems = await visit(async (page) => {
        await page.fill("#token", token)
        await page.fill("#exportLists [name=fields]", "id,status")
        await page.selectOption("#exportLists [name=events]", "true")
        expect(await page.locator("#exportLists .curl").textContent()).toBe(
          `curl -sSN --fail-with-body -H "Authorization: Bearer $TOKEN" '${running.service.api}/export?fields=id,status&events=true'`,
        )
        await submit(page, "exportLists")
        await page.locator("#exportLists [role=status]:has-text('Stopped')").waitFor()
        const [head = "", lines = "", end] = (
          (await resultOf(page, "exportLists").textContent()) ?? ""
        ).split("\n\n")
        expect(head).toStartWith("200\ncontent-type: application/x-ndjson")
        expect(lines.split("\n").map((line) => typeof JSON.parse(line))).toEqual(Array(20).fill("object"))
        expect(end).toBeUndefined()
        expect(await page.locator("#exportLists [role=status]").textContent()).toBe(
          "Stopped after 20 lines because it may be long: the curl line shows all of it.",
        )
        // The response is in view, also if a key has sent the request.
        expect(await page.evaluate(roomAround)).toBeGreaterThanOrEqual(0)
        // A changed form has no response yet.
        await page.fill("#exportLists [name=fields]", "id")
        expect(await resultOf(page, "exportLists").isVisible()).toBe(false)
      })
      expect(problems).toEqual([])
      // The service has noticed that the page left.
      while (running.service.server.pendingRequests > 0) await Bun.sleep(20)
    })

    test("of JSON that may be long, the beginning is shown", async () => {
      await visit(async (page) => {
        await page.fill("#token", token)
        await page.selectOption("#exportLists [name=format]", "json")
        await submit(page, "exportLists")
        await page.locator("#exportLists [role=status]:has-text('Stopped after 2000 characters')").waitFor()
        const [head = "", json = ""] = (await resultOf(page, "exportLists").innerText()).split("\n\n")
        expect(head).toStartWith("200\ncontent-type: application/json")
        expect(json).toStartWith('{"success":true,')
        expect(json).toHaveLength(2000)
      })
    })

    test("a problem is shown with its code, and JSON is indented", async () => {
      await visit(async (page) => {
        await submit(page, "readLists")
        await page.locator("#readLists .result:has-text('unauthorized')").waitFor()
        await page.locator("#readLists [role=status]:has-text('Token at the top is empty')").waitFor()
        await page.fill("#token", `Bearer ${token}`)
        await submit(page, "readLists")
        await page.locator('#readLists .result:has-text(\'"name": "Newsletter"\')').waitFor()
      })
    })

    test("a login shows the URL to which a page sends the browser, and opens it in a new tab", async () => {
      await visit(async (page) => {
        await page.fill("#token", await newToken())
        await page.fill("#login [name=forward_url]", "https://app.example.com/connected")
        expect(await page.locator("#login .curl").textContent()).toContain("-H 'Accept: application/json'")
        const opened = page.context().waitForEvent("page")
        await submit(page, "login")
        await opened
        await page.locator("#login .result:has-text('\"redirect_url\": ')").waitFor()
        await page.locator("#login [role=status]:has-text('Consent in the new tab')").waitFor()
      })
    })

    test("copying the curl line says that it is copied", async () => {
      await visit(
        async (page) => {
          await page.locator("#isAlive .copy").click()
          await page.locator("#isAlive [role=status]:has-text('Copied.')").waitFor()
          expect(await page.evaluate("navigator.clipboard.readText()")).toStartWith("curl ")
        },
        { permissions: ["clipboard-read", "clipboard-write"] },
      )
    })

    test("what changes something is sent only after a confirmation", async () => {
      await visit(async (page) => {
        const sent: string[] = []
        const asked: string[] = []
        let answer = false
        page.on("request", (request) => sent.push(request.method()))
        page.on("dialog", async (dialog) => {
          asked.push(dialog.message())
          await (answer ? dialog.accept() : dialog.dismiss())
        })
        await page.fill("#token", token)
        await submit(page, "startJob")
        expect(asked).toEqual([`Send POST ${running.service.api}/export-jobs?`])
        expect(sent).toEqual([])
        answer = true
        await submit(page, "startJob")
        await page.locator("#startJob .result:has-text('queued')").waitFor()
        expect(sent).toEqual(["POST"])
      })
    })

    test("the token is in no URL, no storage and no referrer, and gone after a reload", async () => {
      await visit(async (page) => {
        const urls: string[] = []
        page.on("request", (request) => urls.push(request.url(), request.headers()["referer"] ?? ""))
        await page.fill("#token", token)
        await page.locator("#token").press("Enter")
        await submit(page, "readConnection")
        await page.locator("#readConnection .result:has-text('200')").waitFor()
        const kept = await page.evaluate(
          "JSON.stringify([{...localStorage}, {...sessionStorage}, document.cookie, location.href])",
        )
        expect(`${urls.join()}${kept}`).not.toContain(token)
        await page.reload()
        expect(await page.inputValue("#token")).toBe("")
      })
    })

    test.each([
      ["light", 1280],
      ["dark", 1280],
      ["light", 390],
      ["dark", 390],
    ] as const)(
      "axe finds nothing in %s at %d px, and nothing is wider than the window",
      async (colorScheme, width) => {
        await visit(
          async (page) => {
            await page
              .locator("details")
              .first()
              .evaluate((details) => details.setAttribute("open", ""))
            await submit(page, "isAlive")
            await page.locator("#isAlive .result:has-text('200')").waitFor()
            await page.evaluate(axe.source)
            const found = await page.evaluate(
              "axe.run().then(({ violations }) => violations.map(({ id, nodes }) => [id, nodes[0].html]))",
            )
            expect(found).toEqual([])
            expect(await page.evaluate("document.documentElement.scrollWidth")).toBeLessThanOrEqual(width)
          },
          { colorScheme, viewport: { width, height: 900 } },
        )
      },
    )
  },
)
