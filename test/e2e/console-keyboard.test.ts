import { afterAll, beforeAll, describe, expect, test } from "bun:test"
import type { Page } from "playwright-core"
import { hasChromium } from "../support/chromium.ts"
import { newToken, type RunningConsole, see, startConsole } from "../support/console.ts"
import { until } from "../support/until.ts"

const name = "the console by keyboard alone"
/** More than the page has. */
const maxTabs = 60

describe.skipIf(!hasChromium)(hasChromium ? name : `${name} (skipped: needs chromium)`, () => {
  let running: RunningConsole

  beforeAll(async () => void (running = await startConsole()))
  afterAll(() => running.stop())

  test("sign in, connect, export, follow, run in the background, disconnect; the focus is seen and never lost", async () => {
    await running.visit(async (page) => {
      await page.goto("about:blank")
      await page.goto(`${running.service.url}/console`)
      await tabTo(page, "Access token")
      await page.keyboard.type(await newToken())
      await page.keyboard.press("Enter")

      await focusOn(page, "Connect Mailchimp")
      const opened = page.context().waitForEvent("page")
      await page.keyboard.press("Enter")
      const tab = await opened
      await tab.waitForLoadState()
      await tabTo(tab, "Approve")
      await tab.keyboard.press("Enter")
      await tab.getByText("Close this tab").waitFor()
      await tab.close()
      await focusOn(page, "Analytical Engines")

      await page.evaluate(collectAnnouncements)
      await tabTo(page, "Nobody yet 0 subscribed")
      await page.keyboard.press("Space")
      await tabTo(page, "All (this page shows five of them)")
      await page.keyboard.press("ArrowRight")
      await tabTo(page, "Full name")
      await page.keyboard.press("Space")
      const { settings } = running.sandbox
      settings.latencyMs = 600
      await tabTo(page, "Show here")
      await page.keyboard.press("Enter")
      await page.locator("td").first().waitFor()
      settings.latencyMs = 60_000
      await tabTo(page, "Cancel")
      await page.keyboard.press("Enter")
      await focusOn(page, "Resume")
      settings.latencyMs = 0
      await page.keyboard.press("Enter")
      await focusOn(page, "Done")
      const announced: string[] = await page.evaluate("window.announced")
      expect(announced.map((text) => text.replace(/[\d,]+/, "N"))).toEqual([
        "The export has started",
        "Canceled: N members",
        "Done: N members",
      ])

      await tabTo(page, "Follow live")
      await page.keyboard.press("Enter")
      await see(page, "Following live")
      await tabTo(page, "Stop")
      await page.keyboard.press("Enter")
      await focusOn(page, "Stopped following")

      await tabTo(page, "CSV, for spreadsheets")
      await page.keyboard.press("ArrowRight")
      const saving = page.waitForEvent("download")
      await tabTo(page, "Save to a file")
      await page.keyboard.press("Enter")
      expect((await saving).suggestedFilename()).toEndWith(".ndjson")

      await tabTo(page, "Run in the background")
      await page.keyboard.press("Enter")
      await page.getByRole("button", { name: "Download" }).waitFor()
      const downloading = page.waitForEvent("download")
      await tabTo(page, "Download")
      await page.keyboard.press("Enter")
      expect((await downloading).suggestedFilename()).toEndWith(".ndjson")
      await tabTo(page, "Delete")
      await page.keyboard.press("Enter")
      await focusOn(page, "Keep it")
      // Asking again does not wait for the service.
      const response = Promise.withResolvers<void>()
      await page.route("**/jobs*", (route) => response.promise.then(() => route.continue()))
      await page.keyboard.press("Escape")
      await focusOn(page, "Delete")
      await page.keyboard.press("Enter")
      await focusOn(page, "Keep it")
      response.resolve()
      await page.keyboard.press("Shift+Tab")
      await focusOn(page, "Delete")
      await page.keyboard.press("Enter")
      await focusOn(page, "In the background")

      await tabTo(page, "Disconnect")
      await page.keyboard.press("Enter")
      await focusOn(page, "Keep it")
      await page.keyboard.press("Shift+Tab")
      await page.keyboard.press("Enter")
      await see(page, "Everything stored for the account was deleted")
      await focusOn(page, "Connect Mailchimp")
    })
  }, 120_000)
})

type Focus = { readonly name: string; readonly outline: string; readonly isInView: boolean }

const readFocus = `(() => {
  const element = document.activeElement
  const { top, bottom } = element.getBoundingClientRect()
  return {
    name: element.labels?.[0]?.querySelector("span")?.textContent ?? element.labels?.[0]?.textContent ??
      element.ariaLabel ?? (element === document.body ? "nothing" : element.textContent),
    outline: getComputedStyle(element).outlineStyle,
    isInView: bottom > 0 && top < innerHeight,
  }
})()`

const collectAnnouncements = `(() => {
  const region = document.querySelector("#announcement")
  window.announced = []
  new MutationObserver(() => window.announced.push(region.textContent)).observe(region, { childList: true })
})()`

/** Presses Tab until something with this name has the focus. */
async function tabTo(page: Page, name: string): Promise<void> {
  const passed: string[] = []
  for (let tabs = 0; tabs < maxTabs; tabs += 1) {
    const focus: Focus = await page.evaluate(readFocus)
    if (focus.name === name) {
      expect(focus).toEqual({ name, outline: "solid", isInView: true })
      return
    }
    passed.push(focus.name)
    await page.keyboard.press("Tab")
  }
  throw new Error(`No Tab reaches ${name}, only ${passed.join(", ")}`)
}

/** Waits until something with this name has the focus by itself. */
async function focusOn(page: Page, name: string): Promise<void> {
  await until(`the focus on ${name}`, async () => (await page.evaluate<Focus>(readFocus)).name === name)
}
