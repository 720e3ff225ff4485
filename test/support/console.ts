import { expect } from "bun:test"
import axe from "axe-core"
import type { Page } from "playwright-core"
import type { ListSeed } from "../../src/sandbox/seeds.ts"
import { startSandbox } from "../../src/sandbox/serve.ts"
import { withPage } from "./chromium.ts"
import { bearer, sandboxEnv, startService } from "./service.ts"

const defaultLists = [
  // More are tried by hand.
  { name: "Newsletter", count: Number(process.env["CONSOLE_MEMBERS"] ?? 3000) },
  { name: "Nobody yet", count: 0 },
]

export type RunningConsole = Awaited<ReturnType<typeof startConsole>>

/** A service with its console, and a sandbox with one account. */
export async function startConsole(
  seeds: readonly ListSeed[] = defaultLists,
  env: Readonly<Record<string, string>> = {},
) {
  const mailchimp = startSandbox({ accounts: [{ accountName: "Analytical Engines", lists: seeds }] })
  const service = await startService({
    ...sandboxEnv(mailchimp),
    FORWARD_URL_ORIGINS: "",
    MAILCHIMP_PAGE_SIZE: "100",
    MAILCHIMP_RETRY_S: "1",
    CURSOR_MARGIN_S: "1",
    FOLLOW_INTERVAL_S: "5",
    ...env,
  })
  const { sandbox, url: sandboxUrl } = mailchimp
  const lists = () => sandbox.state.accounts[0]?.lists ?? []

  /** Opens the console in Chromium as a new caller; the page must report no error. */
  const visit = async (look: (page: Page, token: string) => Promise<void>) => {
    const token = await newToken()
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
  return {
    service,
    sandbox,
    lists,
    /** All members who are not archived, as the lines of an export. */
    liveRows: () =>
      lists()
        .flatMap(({ id }) => [...sandbox.truth(id).members()])
        .flatMap(({ status, row }) => (status === "archived" ? [] : [row])),
    visit,
    /** The same, and connects the account. */
    visitConnected: (look: (page: Page) => Promise<void>) =>
      visit(async (page) => {
        await connect(page)
        await see(page, "Analytical Engines")
        await look(page)
      }),
    /** Changes some members of the first list, and adds others. */
    edit: async (edits: number, additions = 0) => {
      const path = `/sandbox/lists/${lists()[0]?.id}/changes`
      await fetch(sandboxUrl + path, { method: "POST", body: JSON.stringify({ edits, additions }) })
    },
    stop: async () => {
      await service.stop()
      await mailchimp.stop()
    },
  }
}

/** A token of a caller who has not connected anything. */
export async function newToken(): Promise<string> {
  return String((await bearer(crypto.randomUUID()))["authorization"]).replace("Bearer ", "")
}

export function press(page: Page, name: string): Promise<void> {
  return page.getByRole("button", { name, exact: true }).press("Enter")
}

export function see(page: Page, text: string | RegExp): Promise<void> {
  return page.getByText(text).first().waitFor({ timeout: 20_000 })
}

/** Presses Connect, and returns the second tab. */
export async function openConsent(page: Page): Promise<Page> {
  const opened = page.context().waitForEvent("page")
  // After an attempt the button does nothing for a moment.
  await page.getByRole("button", { name: "Connect Mailchimp", disabled: false }).waitFor()
  await press(page, "Connect Mailchimp")
  return opened
}

/** Decides in the second tab, which then says how that ended. */
export async function decide(tab: Page, decision: "Approve" | "Deny"): Promise<void> {
  await tab.getByRole("button", { name: decision }).press("Enter")
  await tab.getByText("Close this tab").waitFor()
}

/** Connects the account, or tries to, and returns what the second tab knows. */
export async function connect(page: Page, decision: "Approve" | "Deny" = "Approve") {
  const tab = await openConsent(page)
  await decide(tab, decision)
  const seen = `${tab.url()} ${await tab.evaluate("document.referrer")} ${await tab.evaluate("opener")}`
  const title = await tab.title()
  await tab.close()
  return { seen, title }
}

/** Between them they have both schemes and both widths. Of the other two only the contrast can differ. */
const looks = [
  { colorScheme: "light", width: 1280, rules: undefined },
  { colorScheme: "light", width: 390, rules: ["color-contrast"] },
  { colorScheme: "dark", width: 390, rules: undefined },
  { colorScheme: "dark", width: 1280, rules: ["color-contrast"] },
] as const

/** What repeats is looked at three times. */
const repeated = ["tr:nth-child(n+4)", ".many label:nth-child(n+4)", ".per-list :nth-child(n+10)"]

/** Neither axe finds anything, nor does the page scroll sideways: light and dark, wide and narrow. */
export async function expectAccessible(page: Page): Promise<void> {
  await page.evaluate(axe.source)
  for (const { colorScheme, width, rules } of looks) {
    await page.emulateMedia({ colorScheme })
    await page.setViewportSize({ width, height: 900 })
    const options = { resultTypes: ["violations"], preload: false, ...(rules && { runOnly: rules }) }
    const found = await page.evaluate(
      `axe.run({ exclude: ${JSON.stringify(repeated)} }, ${JSON.stringify(options)}).then(({ violations }) => violations.map(({ id, nodes }) => [id, nodes[0].html]))`,
    )
    expect(found).toEqual([])
    expect(await page.evaluate("document.documentElement.scrollWidth")).toBeLessThanOrEqual(width)
  }
}
