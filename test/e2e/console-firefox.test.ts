import { afterAll, beforeAll, describe, expect, test } from "bun:test"
import type { Page } from "puppeteer-core"
import { newToken, type RunningConsole, startConsole } from "../support/console.ts"
import { hasFirefox, type RunningFirefox, startFirefox } from "../support/firefox.ts"

const name = "the console in Firefox"

describe.skipIf(!hasFirefox)(hasFirefox ? name : `${name} (skipped: needs firefox-esr)`, () => {
  let running: RunningConsole
  let firefox: RunningFirefox

  beforeAll(async () => {
    running = await startConsole()
    firefox = await startFirefox()
  })
  afterAll(async () => {
    await firefox.stop()
    await running.stop()
  })

  const see = (page: Page, text: string) =>
    page.waitForFunction(`document.body.textContent.includes(${JSON.stringify(text)})`, { timeout: 30_000 })
  /** Presses Enter on a button, as a person does: a script's own click may open no tab. */
  const press = async (page: Page, text: string, within = "") => {
    const buttons = `[...document.querySelectorAll("${within} button")]`
    const found = `${buttons}.find((button) => button.textContent === "${text}" && button.ariaDisabled !== "true")`
    await page.waitForFunction(`${found} !== undefined`, { timeout: 30_000 })
    await page.evaluate(`${found}.focus()`)
    await page.keyboard.press("Enter")
  }
  const choose = (page: Page, label: string) =>
    page.evaluate(
      `[...document.querySelectorAll("label")].find((label) => label.textContent.startsWith("${label}")).click()`,
    )

  const decide = async (page: Page, decision: "Approve" | "Deny") => {
    const tab = await firefox.newTab(() => press(page, "Connect Mailchimp"))
    await press(tab, decision)
    await see(tab, "Close this tab")
    const seen = String(await tab.evaluate("document.title + ' ' + opener + document.referrer"))
    await tab.close()
    return seen
  }
  const visit = async (look: (page: Page) => Promise<void>) => {
    const page = await firefox.newPage()
    const problems: string[] = []
    // Firefox looks for an icon by itself, and reports that it may not load one.
    page.on("pageerror", (error) => {
      if (!String(error).includes("/favicon.ico")) problems.push(String(error))
    })
    await page.goto(`${running.service.url}/console#token=${await newToken()}`)
    await decide(page, "Approve")
    await see(page, "Analytical Engines")
    await look(page)
    await page.close()
    expect(problems).toEqual([])
  }

  test("connects after a denial, exports, cancels, resumes, and disconnects", async () => {
    const page = await firefox.newPage()
    const token = await newToken()
    await page.goto(`${running.service.url}/console#token=${token}`)
    expect(page.url()).toBe(`${running.service.url}/console`)
    expect(await decide(page, "Deny")).toBe("Not connected null")
    expect(await decide(page, "Approve")).toBe("Connected null")
    await see(page, "Analytical Engines")
    running.sandbox.settings.latencyMs = 400
    await press(page, "Show here")
    await page.waitForSelector("td")
    await press(page, "Cancel")
    await see(page, "Canceled")
    running.sandbox.settings.latencyMs = 0
    await press(page, "Resume")
    await see(page, "every member that you chose has arrived")
    await page.focus("[aria-label=Members]")
    expect(await page.$$eval("tbody tr", (rows) => rows.length)).toBe(200)
    await press(page, "Disconnect")
    await press(page, "Disconnect", "dialog")
    await see(page, "Everything stored for the account was deleted")
    await page.close()
  }, 60_000)

  test("saves both formats, equal to the truth", async () => {
    await visit(async (page) => {
      const rows = running.liveRows().toSorted()
      await choose(page, "NDJSON")
      const responding = page.waitForResponse((response) => response.url().includes("/export?"))
      const ndjson = await firefox.downloaded(".ndjson", () => press(page, "Save to a file"))
      expect(text(ndjson).trimEnd().split("\n").toSorted()).toEqual(rows)
      expect((await responding).headers()["content-encoding"]).toBeUndefined()
      await see(page, "Done")
      await choose(page, "CSV")
      const csv = await firefox.downloaded(".csv", () => press(page, "Save to a file"))
      expect(text(csv).trimEnd().split("\r\n")).toHaveLength(rows.length + 1)
    })
  }, 120_000)

  test("an export that breaks in the middle resumes by itself, and is complete", async () => {
    await visit(async (page) => {
      const action = { kind: "problem", problem: "internal_server_error" } as const
      const fault = running.sandbox.faults.add({
        match: { path: "/members" },
        action,
        skip: 10,
        times: Infinity,
      })
      await choose(page, "Nobody yet")
      await press(page, "Show here")
      await see(page, "Resuming by itself")
      fault.remove()
      await see(page, "every member that you chose has arrived")
    })
  }, 60_000)

  test("follows changes, runs a job, and shows a revoked access", async () => {
    await visit(async (page) => {
      await press(page, "Follow live")
      await see(page, "Following live")
      await running.edit(2)
      await page.waitForSelector("tr.changed", { timeout: 30_000 })
      await press(page, "Stop")
      await see(page, "Stopped following")
      await press(page, "Run in the background")
      await page.waitForSelector(".jobs li")
      const unpacked = await firefox.downloaded(".csv", () => press(page, "Download"))
      expect(text(unpacked)).toStartWith("Email Address,")
      for (const { userId } of running.sandbox.state.accounts) running.sandbox.revoke(userId)
      await press(page, "Show here")
      await press(page, "Reconnect Mailchimp")
      await see(page, "Mailchimp says")
      await decide(page, "Approve")
      await see(page, "In the background")
    })
  }, 60_000)
})

function text(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes)
}
