import { afterAll, afterEach, beforeAll, describe, test } from "bun:test"
import type { Page } from "playwright-core"
import { hasChromium } from "../support/chromium.ts"
import {
  decide,
  expectAccessible,
  newToken,
  openConsent,
  press,
  type RunningConsole,
  see,
  startConsole,
} from "../support/console.ts"

/** Set it to a folder to look at the states instead: each is saved as a picture, light and wide, dark and narrow. */
const pictures = process.env["CONSOLE_PICTURES"]

const name = "every state of the console is accessible: light and dark, wide and narrow"

describe.skipIf(!hasChromium)(hasChromium ? name : `${name} (skipped: needs chromium)`, () => {
  let running: RunningConsole

  beforeAll(async () => {
    // Few members, because axe looks at every row.
    const lists = [
      { name: "Newsletter", count: 150 },
      { name: "Nobody yet", count: 0 },
      { name: "A list with a rather long name, as marketing people like them", count: 50 },
    ]
    running = await startConsole(lists, { MAILCHIMP_PAGE_SIZE: "10" })
  })
  afterEach(() => {
    running.sandbox.settings.latencyMs = 0
    running.sandbox.faults.clear()
  })
  afterAll(() => running.stop())

  test("connect, disconnect", async () => {
    await running.visit(async (page) => {
      await see(page, "No account is connected yet")
      await look(page, "not-connected")
      const denied = await openConsent(page)
      await see(page, "Waiting for your consent")
      await look(page, "consent")
      await decide(denied, "Deny")
      await look(denied, "denied-tab")
      const approved = await openConsent(page)
      await decide(approved, "Approve")
      await look(approved, "connected-tab")
      await see(page, "Analytical Engines")
      await look(page, "connected")
      await press(page, "Disconnect")
      await look(page, "disconnect-dialog")
      await page.getByRole("dialog").getByRole("button", { name: "Disconnect" }).press("Enter")
      await see(page, "Everything stored for the account was deleted")
      await look(page, "disconnected")
    })
  }, 120_000)

  test("choose, wait, run, cancel, resume", async () => {
    await running.visitConnected(async (page) => {
      const { settings } = running.sandbox
      await page.getByLabel("Only these").check()
      await see(page, "First Name")
      await look(page, "choosing")
      await page.getByLabel("All (").check()
      for (const { name } of running.lists()) await page.getByRole("checkbox", { name }).uncheck()
      await press(page, "Show here")
      await see(page, "Check at least one list")
      await look(page, "nothing-chosen")
      for (const { name } of running.lists()) await page.getByRole("checkbox", { name }).check()
      settings.latencyMs = 600
      await press(page, "Show here")
      await page.locator("td").first().waitFor()
      settings.latencyMs = 30_000
      await see(page, "Waiting for Mailchimp to respond")
      await look(page, "waiting")
      await press(page, "Cancel")
      await see(page, "Canceled")
      await look(page, "canceled")
      settings.latencyMs = 0
      await press(page, "Resume")
      await see(page, "every member that you chose has arrived")
      await look(page, "done")
    })
  }, 120_000)

  test("short, broken, saved", async () => {
    await running.visitConnected(async (page) => {
      const { faults } = running.sandbox
      const [newsletter, , long] = running.lists()
      const action = { kind: "problem", problem: "forbidden" } as const
      const path = "/members"
      const onLong = faults.add({ match: { listId: long!.id, path }, action, times: Infinity })
      await press(page, "Show here")
      await see(page, "Done, but short")
      await look(page, "short")
      onLong.remove()
      const onNewsletter = faults.add({
        match: { listId: newsletter!.id, path },
        action,
        skip: 5,
        times: Infinity,
      })
      await page.getByRole("checkbox", { name: "Nobody yet" }).uncheck()
      await page.getByRole("checkbox", { name: "A list with" }).uncheck()
      await press(page, "Show here")
      await see(page, "The export broke")
      await look(page, "broken")
      onNewsletter.remove()
      const action500 = { kind: "problem", problem: "internal_server_error" } as const
      const onAll = faults.add({ match: { path }, action: action500, skip: 5, times: Infinity })
      await press(page, "Show here")
      await see(page, "Resuming by itself")
      await look(page, "resuming")
      onAll.remove()
      await see(page, "every member that you chose has arrived")
      await press(page, "Save to a file")
      await see(page, "every member that you chose is in the file")
      await look(page, "saved")
    })
  }, 120_000)

  test("follow", async () => {
    await running.visitConnected(async (page) => {
      await press(page, "Follow live")
      await see(page, "Following live")
      await running.edit(3)
      await page.locator("tr.changed").first().waitFor({ timeout: 30_000 })
      await look(page, "following")
      await press(page, "Stop")
      await see(page, "Stopped following")
      await look(page, "stopped")
    })
  }, 120_000)

  test("jobs", async () => {
    await running.visitConnected(async (page) => {
      const { faults, settings } = running.sandbox
      const [newsletter, , long] = running.lists()
      const action = { kind: "problem", problem: "forbidden" } as const
      const path = "/members"
      const run = async (state: string) => {
        await press(page, "Run in the background")
        await page.locator(".jobs li", { hasText: state }).waitFor({ timeout: 20_000 })
      }
      await run("Complete")
      const onLong = faults.add({ match: { listId: long!.id, path }, action, times: Infinity })
      await run("some members may be missing")
      const onNewsletter = faults.add({ match: { listId: newsletter!.id, path }, action, times: Infinity })
      const nobody = page.getByRole("checkbox", { name: "Nobody yet" })
      await nobody.uncheck()
      await run("Failed")
      await nobody.check()
      onLong.remove()
      onNewsletter.remove()
      settings.latencyMs = 2000
      await run("Running")
      await look(page, "jobs")
      await page.locator(".jobs li").first().getByRole("button", { name: "Cancel" }).press("Enter")
      await look(page, "cancel-dialog")
    })
  }, 120_000)

  test("invalidated, signed out", async () => {
    await running.visitConnected(async (page) => {
      for (const { userId } of running.sandbox.state.accounts) running.sandbox.revoke(userId)
      await press(page, "Show here")
      await page.getByRole("button", { name: "Reconnect Mailchimp" }).waitFor()
      await look(page, "invalidated")
      await press(page, "Reconnect Mailchimp")
      await look(page, "reconnect")
      await page.goto("about:blank")
      await page.goto(`${running.service.url}/console`)
      await look(page, "signed-out")
      await page.getByLabel("Access token").fill(`${await newToken()}x`)
      await press(page, "Sign in")
      await see(page, "Your sign-in has ended")
      await look(page, "token-refused")
    })
  }, 120_000)

  test("an empty account, and one with 200 lists", async () => {
    const empty = await startConsole([])
    await empty.visitConnected((page) => look(page, "empty-account"))
    await empty.stop()
    const many = await startConsole(
      Array.from({ length: 200 }, (_, index) => ({ name: `List number ${index}`, count: index % 7 })),
    )
    await many.visitConnected(async (page) => {
      await look(page, "many-lists")
      await press(page, "Show here")
      await see(page, "every member that you chose has arrived")
      await look(page, "many-lists-done")
    })
    await many.stop()
  }, 120_000)
})

async function look(page: Page, state: string): Promise<void> {
  if (pictures === undefined) return expectAccessible(page)
  for (const [colorScheme, width] of [
    ["light", 1280],
    ["dark", 390],
  ] as const) {
    await page.emulateMedia({ colorScheme })
    await page.setViewportSize({ width, height: 900 })
    await page.screenshot({ path: `${pictures}/${state}-${colorScheme}.png`, fullPage: true })
  }
}
