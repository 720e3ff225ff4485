import { readdirSync } from "node:fs"
import { join } from "node:path"
import { type Browser, launch, type Page } from "puppeteer-core"
import { temporaryFolder } from "./temporary-folder.ts"
import { until } from "./until.ts"

const executablePath = Bun.which("firefox-esr") ?? Bun.which("firefox") ?? undefined

/** Tests that need Firefox are skipped on a machine without it. */
export const hasFirefox = executablePath !== undefined

export type RunningFirefox = Awaited<ReturnType<typeof startFirefox>>

/** Firefox, which saves downloads into a folder without a question. */
export async function startFirefox() {
  const folder = temporaryFolder()
  const browser = await launch({
    browser: "firefox",
    executablePath: executablePath ?? "firefox",
    extraPrefsFirefox: {
      "browser.download.dir": folder.path,
      "browser.download.folderList": 2,
      "browser.download.alwaysOpenPanel": false,
      "browser.helperApps.neverAsk.saveToDisk": "application/octet-stream,text/csv,application/gzip",
    },
  })
  return {
    newPage: () => browser.newPage(),
    /** The tab that `open` opens. */
    newTab: (open: () => Promise<void>) => newTab(browser, open),
    /** Waits for a download whose name ends so, and reads it. */
    downloaded: async (suffix: string, start: () => Promise<void>) => {
      const before = new Set(readdirSync(folder.path))
      await start()
      const find = () =>
        readdirSync(folder.path).find((name) => !before.has(name) && name.endsWith(suffix)) ?? ""
      const isWhole = () => find() !== "" && !readdirSync(folder.path).some((name) => name.endsWith(".part"))
      await until("the download", isWhole, { withinS: 60 })
      return Bun.file(join(folder.path, find())).bytes()
    },
    stop: async () => {
      await browser.close()
      folder.remove()
    },
  }
}

async function newTab(browser: Browser, open: () => Promise<void>): Promise<Page> {
  const before = new Set(await browser.pages())
  await open()
  for (;;) {
    const tab = (await browser.pages()).find((page) => !before.has(page))
    if (tab !== undefined) return tab
    await Bun.sleep(50)
  }
}
