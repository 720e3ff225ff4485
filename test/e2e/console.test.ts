import { afterAll, beforeAll, describe, expect, test } from "bun:test"
import type { Page } from "playwright-core"
import { hasChromium } from "../support/chromium.ts"
import { connect, newToken, press, type RunningConsole, see, startConsole } from "../support/console.ts"

describe.skipIf(!hasChromium)(hasChromium ? "the console" : "the console (skipped: needs chromium)", () => {
  let running: RunningConsole

  beforeAll(async () => void (running = await startConsole()))
  afterAll(() => running.stop())

  const savedBy = async (page: Page) => {
    const downloading = page.waitForEvent("download")
    await press(page, "Save to a file")
    const download = await downloading
    return Bun.file(await download.path())
  }

  /** Shows an export that is still running when its first rows are there. */
  const showSlowly = async (page: Page) => {
    running.sandbox.settings.latencyMs = 400
    await press(page, "Show here")
    await page.locator("td").first().waitFor()
  }

  test("connects by a second tab, also after a denial, and the token is nowhere", async () => {
    await running.visit(async (page, token) => {
      const urls: string[] = []
      page.on("request", (request) => urls.push(request.url(), request.headers()["referer"] ?? ""))
      expect(page.url()).toBe(`${running.service.url}/console`)
      await see(page, "No account is connected yet")
      const denied = await connect(page, "Deny")
      expect(denied.title).toBe("Not connected")
      const approved = await connect(page)
      expect(approved.title).toBe("Connected")
      await see(page, "Analytical Engines")
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

  test("a link with a token that is opened in the same tab signs in, and its token is removed", async () => {
    await running.visitConnected(async (page) => {
      const token = await newToken()
      await page.evaluate(`location.href = "${running.service.url}/console#token=${token}"`)
      await see(page, "No account is connected yet")
      expect(page.url()).toBe(`${running.service.url}/console`)
      await page.goBack()
      expect(page.url()).not.toContain(token)
    })
  }, 60_000)

  test("a save that is canceled says so", async () => {
    await running.visitConnected(async (page) => {
      const canceled = `window.showSaveFilePicker = () => Promise.reject(new DOMException("", "AbortError"))`
      await page.evaluate(canceled)
      await press(page, "Save to a file")
      await see(page, "Not saved, because no file was chosen.")
      await press(page, "Run in the background")
      await page.locator(".jobs", { hasText: "Complete" }).waitFor()
      expect(await page.getByText("Not saved").count()).toBe(0)
      await press(page, "Download")
      await see(page, "Not saved, because no file was chosen.")
    })
  }, 60_000)

  test("exports, cancels, and resumes", async () => {
    await running.visitConnected(async (page) => {
      await showSlowly(page)
      await press(page, "Cancel")
      await see(page, "Canceled")
      await page.locator(".wide + .quiet").waitFor()
      await press(page, "Resume")
      await page.locator(".wide + .quiet").waitFor({ state: "hidden" })
      running.sandbox.settings.latencyMs = 0
      await see(page, "every member that you chose has arrived")
      const rows = page.locator("tbody tr")
      expect(await rows.count()).toBe(20)
      const total = Number((await page.locator(".numbers").innerText()).replaceAll(/\D/g, ""))
      const more = page.locator(".wide + .quiet")
      const wordsAfter = (rows: number) => `and ${(total - rows).toLocaleString("en")} more`
      expect(await more.innerText()).toBe(`${wordsAfter(20)}: scroll the table to see the first 200`)
      await rows.last().scrollIntoViewIfNeeded()
      await rows.nth(199).waitFor()
      expect(await rows.count()).toBe(200)
      expect(await more.innerText()).toBe(wordsAfter(200))
    })
  }, 60_000)

  test("an export from the same machine is not compressed", async () => {
    await running.visitConnected(async (page) => {
      const responding = page.waitForResponse(/\/export\?/)
      await press(page, "Show here")
      expect((await responding).headers()["content-encoding"]).toBeUndefined()
      await see(page, "every member that you chose has arrived")
    })
  }, 60_000)

  test("saves both formats, equal to the truth", async () => {
    await running.visitConnected(async (page) => {
      const rows = running.liveRows()
      await page.getByLabel("NDJSON").check()
      const ndjson = await (await savedBy(page)).text()
      expect(ndjson.trimEnd().split("\n").toSorted()).toEqual(rows.toSorted())
      await page.getByLabel("CSV").check()
      const csv = bytesToText(await (await savedBy(page)).bytes())
      expect(csv).toStartWith("\uFEFFEmail Address,")
      expect(csv.trimEnd().split("\r\n")).toHaveLength(rows.length + 1)
      await see(page, `${rows.length.toLocaleString("en")} members`)
    })
  }, 60_000)

  test("follows changes, and disconnects after a confirmation", async () => {
    await running.visitConnected(async (page) => {
      await press(page, "Follow live")
      await see(page, "Following live")
      await see(page, `${running.liveRows().length.toLocaleString("en")} members read · no changes so far`)
      await see(page, "The first 200 are shown, and those who change.")
      await running.edit(2, 1)
      await see(page, /1 new/)
      await see(page, /2 changed/)
      await see(page, /looked \d+ seconds? ago/)
      const words = await page.locator("tr.changed td:first-child").allTextContents()
      expect(words.toSorted()).toEqual(["Changed", "Changed", "New"])
      await press(page, "Stop")
      await see(page, "Stopped following")
      expect(await page.locator("tr.changed").count()).toBe(0)
      await press(page, "Disconnect")
      await page.getByRole("dialog").getByRole("button", { name: "Disconnect" }).press("Enter")
      await see(page, "Everything stored for the account was deleted")
      await see(page, "Mailchimp itself still lists this app")
      expect(await page.locator("#announcement").textContent()).toBe("Disconnected")
    })
  }, 60_000)

  test("a selection begins with everything, or with nothing", async () => {
    await running.visitConnected(async (page) => {
      await see(page, /2 lists: [\d,]+ subscribed, [\d,]+ unsubscribed, [\d,]+ cleaned\./)
      await press(page, "Uncheck all statuses")
      await page.getByLabel("Archived").check()
      await press(page, "Uncheck all lists")
      await press(page, "Show here")
      await see(page, "Check at least one list.")
      await press(page, "Check all lists")
      await page.getByLabel("Only these").check()
      await press(page, "Uncheck all fields")
      await press(page, "Show here")
      await see(page, "Check at least one field.")
      // The fields are those of the lists that are checked now.
      await see(page, "First Name")
      await press(page, "Uncheck all lists")
      await page.getByLabel("First Name").waitFor({ state: "detached" })
      await press(page, "Check all lists")
      await see(page, "First Name")
      await page.getByLabel("Email address").check()
      await page.getByLabel("Status", { exact: true }).check()
      await press(page, "Show here")
      await see(page, "every member that you chose has arrived")
      await see(page, "Newsletter, Nobody yet · Archived · Email address, Status")
      const row = page.locator("tbody tr").first()
      expect(await row.innerText()).toMatch(/@.*\sArchived$/)
      // What came of it does not stand below the refusal of the next choice.
      await press(page, "Uncheck all lists")
      await press(page, "Show here")
      await see(page, "Check at least one list.")
      expect(await page.locator(".run").count()).toBe(0)
    })
  }, 60_000)

  test("offers the own fields of the lists that can be read, and remembers which were checked", async () => {
    await running.visitConnected(async (page) => {
      const fault = running.sandbox.faults.add({
        match: { listId: running.lists()[0]!.id, path: "/merge-fields" },
        action: { kind: "problem", problem: "forbidden" },
        times: Infinity,
      })
      await page.getByLabel("Only these").check()
      await see(page, "Forbidden: The API key")
      expect(fault.played).toBeGreaterThan(0)
      await page.getByLabel("First Name").check()
      await page.getByLabel("Newsletter").uncheck()
      await page.locator("fieldset .problem").waitFor({ state: "detached" })
      await page.getByLabel("Nobody yet").uncheck()
      await page.getByLabel("First Name").waitFor({ state: "detached" })
      await page.getByLabel("Nobody yet").check()
      expect(await page.getByLabel("First Name").isChecked()).toBe(true)
      fault.remove()
    })
  }, 60_000)

  test("checks all fields, also those that are still read", async () => {
    await running.visitConnected(async (page) => {
      const action = { kind: "delay", ms: 2000 } as const
      running.sandbox.faults.add({ match: { path: "/merge-fields" }, action, times: 2 })
      await page.getByLabel("Only these").check()
      await press(page, "Check all fields")
      expect(await page.getByLabel("First Name").count()).toBe(0)
      await page.getByLabel("First Name").waitFor()
      expect(await page.locator(".fields input:not(:checked)").count()).toBe(0)
    })
  }, 60_000)

  test("an export that replaces a running one is the only one that is announced", async () => {
    await running.visitConnected(async (page) => {
      await page.evaluate(`
        window.announced = []
        const live = document.querySelector("#announcement")
        new MutationObserver(() => window.announced.push(live.textContent)).observe(live, { childList: true })`)
      await showSlowly(page)
      await press(page, "Show here")
      await see(page, "Starting…")
      running.sandbox.settings.latencyMs = 0
      await see(page, "every member that you chose has arrived")
      const announced = await page.evaluate<string[]>("window.announced")
      expect(announced).toEqual([
        "The export has started",
        "The export has started",
        expect.stringMatching(/^Done: [\d,]+ members$/),
      ])
    })
  }, 60_000)

  test("runs an export in the background, downloads it, and deletes it", async () => {
    await running.visitConnected(async (page) => {
      await page.getByLabel("Nobody yet").uncheck()
      await press(page, "Run in the background")
      await see(page, /Newsletter · Subscribed, .*, Pending, Non-subscribed · All fields$/)
      await page.waitForFunction(
        "document.querySelector('.jobs li').getBoundingClientRect().bottom <= innerHeight",
      )
      const downloadButton = page.getByRole("button", { name: "Download" })
      await downloadButton.waitFor()
      await see(page, / · kept until /)
      const downloading = page.waitForEvent("download")
      await downloadButton.press("Enter")
      const download = await downloading
      expect(download.suggestedFilename()).toEndWith(".csv")
      const text = bytesToText(await Bun.file(await download.path()).bytes())
      expect(text).toStartWith("\uFEFFEmail Address,")
      expect(text.trimEnd().split("\r\n")).toHaveLength(running.liveRows().length + 1)
      await press(page, "Delete")
      await page.getByRole("dialog").getByRole("button", { name: "Delete" }).press("Enter")
      await downloadButton.waitFor({ state: "detached" })
    })
  }, 60_000)

  test("a list that cannot be read is named, with Mailchimp's words", async () => {
    await running.visitConnected(async (page) => {
      const [, nobody] = running.lists()
      const fault = running.sandbox.faults.add({
        match: { listId: nobody!.id, path: "/members" },
        action: { kind: "problem", problem: "forbidden" },
        times: Infinity,
      })
      await press(page, "Show here")
      await see(page, "Done, but short")
      await see(page, "Nobody yet: it could not be read")
      await see(page, "Nobody yet: Mailchimp says: “Forbidden")
      expect(fault.played).toBeGreaterThan(0)
      fault.remove()
    })
  }, 60_000)

  test("an export that breaks in the middle resumes by itself, and is complete", async () => {
    await running.visitConnected(async (page) => {
      const fault = running.sandbox.faults.add({
        match: { path: "/members" },
        action: { kind: "problem", problem: "internal_server_error" },
        skip: 10,
        times: Infinity,
      })
      // With another list that responds, the list would fail alone.
      await page.getByLabel("Nobody yet").uncheck()
      await press(page, "Show here")
      await see(page, "The transfer broke. Resuming by itself…")
      expect(fault.played).toBeGreaterThan(0)
      fault.remove()
      await see(page, "every member that you chose has arrived")
    })
  }, 60_000)

  test("a revoked access is shown with Mailchimp's words, and can be connected again", async () => {
    await running.visitConnected(async (page) => {
      for (const { userId } of running.sandbox.state.accounts) running.sandbox.revoke(userId)
      await press(page, "Show here")
      await page.getByRole("button", { name: "Reconnect Mailchimp" }).waitFor()
      // Another attempt fails for the same reason, and leaves the way out.
      await press(page, "Run in the background")
      await page.waitForFunction("document.querySelectorAll('.problem').length === 2")
      await press(page, "Reconnect Mailchimp")
      await see(page, "Mailchimp says")
      await connect(page)
      await see(page, "Analytical Engines")
    })
  }, 60_000)
})

/** With its byte order mark. */
function bytesToText(bytes: Uint8Array): string {
  return new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes)
}
