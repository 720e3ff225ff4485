import { afterAll, beforeAll, describe, expect, test } from "bun:test"
import axe from "axe-core"
import type { Page } from "playwright-core"
import { startSandbox, type RunningSandbox } from "../../src/sandbox/serve.ts"
import { hasChromium, withPage } from "../support/chromium.ts"
import { bearer, type RunningService, sandboxEnv, startService } from "../support/service.ts"

const members = 3000

describe.skipIf(!hasChromium)(hasChromium ? "the console" : "the console (skipped: needs chromium)", () => {
  let mailchimp: RunningSandbox
  let service: RunningService

  beforeAll(async () => {
    const lists = [
      { name: "Newsletter", count: members },
      { name: "Nobody yet", count: 0 },
    ]
    mailchimp = startSandbox({ accounts: [{ accountName: "Analytical Engines", lists }] })
    service = await startService({
      ...sandboxEnv(mailchimp),
      FORWARD_URL_ORIGINS: "",
      MAILCHIMP_PAGE_SIZE: "100",
      MAILCHIMP_RETRY_S: "1",
      CURSOR_MARGIN_S: "1",
      FOLLOW_INTERVAL_S: "5",
    })
  })
  afterAll(async () => {
    await service.stop()
    await mailchimp.stop()
  })

  /** Opens the console as a new caller, with all errors that the page reports. */
  const visit = async (look: (page: Page, token: string) => Promise<void>) => {
    const token = String((await bearer(crypto.randomUUID()))["authorization"]).replace("Bearer ", "")
    const problems: string[] = []
    await withPage("about:blank", async (page) => {
      page.on("pageerror", (error) => problems.push(error.message))
      page.on("console", (message) => {
        if (!message.text().startsWith("Failed to load resource")) problems.push(message.text())
      })
      // No test can use the browser's own dialog.
      await page.addInitScript("delete window.showSaveFilePicker")
      await page.goto(`${service.url}/console#token=${token}`)
      await look(page, token)
    })
    expect(problems).toEqual([])
  }
  const press = (page: Page, name: string) => page.getByRole("button", { name, exact: true }).press("Enter")
  const see = (page: Page, text: string | RegExp) => page.getByText(text).first().waitFor({ timeout: 20_000 })

  /** Presses Connect, and decides in the second tab. */
  const connect = async (page: Page, decision: "Approve" | "Deny" = "Approve") => {
    const opened = page.context().waitForEvent("page")
    // After an attempt the button stays disabled for a moment.
    await page.getByRole("button", { name: "Connect Mailchimp", disabled: false }).waitFor()
    await press(page, "Connect Mailchimp")
    const tab = await opened
    await tab.getByRole("button", { name: decision }).press("Enter")
    await tab.getByText("Close this tab").waitFor()
    const seen = `${tab.url()} ${await tab.evaluate("document.referrer")} ${await tab.evaluate("opener")}`
    const title = await tab.title()
    await tab.close()
    return { seen, title }
  }
  const expectAccessible = async (page: Page) => {
    for (const [colorScheme, width] of [
      ["light", 1280],
      ["dark", 390],
    ] as const) {
      await page.emulateMedia({ colorScheme })
      await page.setViewportSize({ width, height: 900 })
      await page.evaluate(axe.source)
      const found = await page.evaluate(
        "axe.run().then(({ violations }) => violations.map(({ id, nodes }) => [id, nodes[0].html]))",
      )
      expect(found).toEqual([])
      expect(await page.evaluate("document.documentElement.scrollWidth")).toBeLessThanOrEqual(width)
    }
  }
  const savedBy = async (page: Page) => {
    const downloading = page.waitForEvent("download")
    await press(page, "Save to a file")
    const download = await downloading
    return Bun.file(await download.path())
  }

  test("connects by a second tab, also after a denial, and the token is nowhere", async () => {
    await visit(async (page, token) => {
      const urls: string[] = []
      page.on("request", (request) => urls.push(request.url(), request.headers()["referer"] ?? ""))
      expect(page.url()).toBe(`${service.url}/console`)
      await see(page, "No account is connected yet")
      await expectAccessible(page)
      const denied = await connect(page, "Deny")
      expect(denied.title).toBe("Not connected")
      const approved = await connect(page)
      expect(approved.title).toBe("Connected")
      await see(page, "Analytical Engines")
      await expectAccessible(page)
      const kept = await page.evaluate(
        "JSON.stringify([{...localStorage}, {...sessionStorage}, document.cookie, location.href, history.length, history.state])",
      )
      expect(`${urls.join()}${kept}${denied.seen}${approved.seen}`).not.toContain(token)
      expect(approved.seen).toEndWith(" null")
      await page.reload()
      await see(page, "Access token")
      await page.goBack()
      expect(page.url()).not.toContain(token)
    })
  }, 60_000)

  test("exports, cancels, and resumes", async () => {
    await visit(async (page) => {
      await connect(page)
      await see(page, "Analytical Engines")
      mailchimp.sandbox.settings.latencyMs = 400
      await press(page, "Start")
      await page.locator("td").first().waitFor()
      await press(page, "Cancel")
      await see(page, "Canceled")
      mailchimp.sandbox.settings.latencyMs = 0
      await press(page, "Resume")
      await see(page, "every member of the chosen lists is here")
      expect(await page.locator("tbody tr").count()).toBe(200)
      await expectAccessible(page)
    })
  }, 60_000)

  test("saves both formats, equal to the truth", async () => {
    await visit(async (page) => {
      await connect(page)
      await see(page, "Analytical Engines")
      const [list] = mailchimp.sandbox.state.accounts[0]!.lists
      const truth = [...mailchimp.sandbox.truth(list!.id).members()].filter(
        (member) => member.status !== "archived",
      )
      await page.getByLabel("NDJSON").check()
      const ndjson = await (await savedBy(page)).text()
      expect(ndjson.trimEnd().split("\n").toSorted()).toEqual(truth.map(({ row }) => row).toSorted())
      await page.getByLabel("CSV").check()
      const csv = await (await savedBy(page)).text()
      expect(csv).toStartWith("Email Address,")
      expect(csv.trimEnd().split("\r\n")).toHaveLength(truth.length + 1)
    })
  }, 60_000)

  test("follows changes, and disconnects after a confirmation", async () => {
    await visit(async (page) => {
      await connect(page)
      await see(page, "Analytical Engines")
      await press(page, "Follow live")
      await see(page, "Following live")
      const [list] = mailchimp.sandbox.state.accounts[0]!.lists
      await fetch(`${mailchimp.url}/sandbox/lists/${list!.id}/changes`, {
        method: "POST",
        body: `{"edits":2}`,
      })
      await page.locator("tr.changed").first().waitFor({ timeout: 30_000 })
      await press(page, "Stop")
      await see(page, "Stopped following")
      await press(page, "Disconnect")
      await expectAccessible(page)
      await page.getByRole("dialog").getByRole("button", { name: "Disconnect" }).press("Enter")
      await see(page, "Everything stored for the account was deleted")
    })
  }, 60_000)

  test("runs an export in the background, downloads it, and deletes it", async () => {
    await visit(async (page) => {
      await connect(page)
      await see(page, "Analytical Engines")
      await press(page, "Run in the background")
      const downloadButton = page.getByRole("button", { name: "Download" })
      await downloadButton.waitFor()
      await expectAccessible(page)
      const downloading = page.waitForEvent("download")
      await downloadButton.press("Enter")
      const path = await (await downloading).path()
      const text = new TextDecoder().decode(Bun.gunzipSync(await Bun.file(path).bytes()))
      expect(text).toStartWith("Email Address,")
      await press(page, "Delete")
      await page.getByRole("dialog").getByRole("button", { name: "Delete" }).press("Enter")
      await downloadButton.waitFor({ state: "detached" })
    })
  }, 60_000)

  test("a list that cannot be read is named, with Mailchimp's words", async () => {
    await visit(async (page) => {
      await connect(page)
      await see(page, "Analytical Engines")
      const [, nobody] = mailchimp.sandbox.state.accounts[0]!.lists
      const fault = mailchimp.sandbox.faults.add({
        match: { listId: nobody!.id, path: "/members" },
        action: { kind: "problem", problem: "forbidden" },
        times: Infinity,
      })
      await press(page, "Start")
      await see(page, "Done, but short")
      await see(page, "Nobody yet: it could not be read")
      await see(page, "Nobody yet: Mailchimp says: “Forbidden")
      await expectAccessible(page)
      expect(fault.played).toBeGreaterThan(0)
      fault.remove()
    })
  }, 60_000)

  test("an export that breaks in the middle resumes by itself, and is complete", async () => {
    await visit(async (page) => {
      await connect(page)
      await see(page, "Analytical Engines")
      const fault = mailchimp.sandbox.faults.add({
        match: { path: "/members" },
        action: { kind: "problem", problem: "internal_server_error" },
        skip: 10,
        times: Infinity,
      })
      // With another list that responds, the list would fail alone.
      await page.getByLabel("Nobody yet").uncheck()
      await press(page, "Start")
      await see(page, "The transfer broke. Resuming by itself…")
      expect(fault.played).toBeGreaterThan(0)
      fault.remove()
      await see(page, "every member of the chosen lists is here")
    })
  }, 60_000)

  test("a revoked access is shown with Mailchimp's words, and can be connected again", async () => {
    await visit(async (page) => {
      await connect(page)
      await see(page, "Analytical Engines")
      for (const { userId } of mailchimp.sandbox.state.accounts) mailchimp.sandbox.revoke(userId)
      await press(page, "Start")
      await press(page, "Reconnect Mailchimp")
      await see(page, "Mailchimp says")
      await expectAccessible(page)
      await connect(page)
      await see(page, "Analytical Engines")
    })
  }, 60_000)
})
