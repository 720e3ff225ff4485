import { executablePath } from "../../support/chromium.ts"
import { temporaryFolder } from "../../support/temporary-folder.ts"
import { until } from "../../support/until.ts"
import { peakBytes, residentBytes, startPeakAnew } from "./process-stats.ts"

type Evaluated<T> = { readonly result: { readonly value: T }; readonly exceptionDetails?: unknown }

/** A page in Chromium, and what it costs. */
export type BarePage = AsyncDisposable & {
  /** The value of an expression, which may be a promise. */
  evaluate<T>(expression: string): Promise<T>
  /** The size of the JavaScript heap after a garbage collection. */
  heapBytes(): Promise<number>
  /** Memory of the processes that run pages: now, and at most since `forgetPeak`. */
  memory(): { readonly bytes: number; readonly peakBytes: number }
  forgetPeak(): void
}

/** Opens a page without a test library, whose log of the network would count as memory of the page. */
export async function openBarePage(url: string): Promise<BarePage> {
  const folder = temporaryFolder()
  const chromium = Bun.spawn(
    [
      executablePath ?? "chromium",
      "--headless",
      "--no-sandbox",
      "--remote-debugging-port=0",
      "--disable-features=SpareRendererForSitePerProcess",
      `--user-data-dir=${folder.path}`,
      "about:blank",
    ],
    { stdout: "ignore", stderr: "pipe" },
  )
  const browser = await connectTo(await debuggerUrl(chromium.stderr))
  // A file that the page saves would end in the user's folder of downloads.
  await browser.send("Browser.setDownloadBehavior", { behavior: "deny" })
  const { targetId } = await browser.send<{ targetId: string }>("Target.createTarget", { url })
  const { sessionId } = await browser.send<{ sessionId: string }>("Target.attachToTarget", {
    targetId,
    flatten: true,
  })
  const evaluate = async <T>(expression: string) => {
    const options = { expression, awaitPromise: true, returnByValue: true, userGesture: true }
    const { result, exceptionDetails } = await browser.send<Evaluated<T>>(
      "Runtime.evaluate",
      options,
      sessionId,
    )
    if (exceptionDetails !== undefined) throw new Error(JSON.stringify(exceptionDetails))
    return result.value
  }
  // While it navigates there is nothing that could evaluate.
  const isLoaded = () =>
    evaluate<boolean>("location.pathname === '/console' && document.readyState === 'complete'").catch(
      () => false,
    )
  await until("the page", isLoaded, { withinS: 60, everyMs: 50 })
  const { processInfo } = await browser.send<{ processInfo: { type: string; id: number }[] }>(
    "SystemInfo.getProcessInfo",
  )
  const renderers = processInfo.filter(({ type }) => type === "renderer").map(({ id }) => id)
  const sum = (bytesOf: (pid: number) => number) => renderers.reduce((all, pid) => all + bytesOf(pid), 0)
  return {
    evaluate,
    heapBytes: async () => {
      await browser.send("HeapProfiler.collectGarbage", {}, sessionId)
      return (await browser.send<{ usedSize: number }>("Runtime.getHeapUsage", {}, sessionId)).usedSize
    },
    memory: () => ({ bytes: sum(residentBytes), peakBytes: sum(peakBytes) }),
    forgetPeak: () => renderers.forEach(startPeakAnew),
    [Symbol.asyncDispose]: async () => {
      browser.close()
      chromium.kill()
      await chromium.exited
      folder.remove()
    },
  }
}

async function debuggerUrl(stderr: ReadableStream<Uint8Array>): Promise<string> {
  let text = ""
  for await (const chunk of stderr) {
    text += new TextDecoder().decode(chunk)
    const url = /ws:\/\/\S+/.exec(text)?.[0]
    if (url !== undefined) return url
  }
  throw new Error(`Chromium did not start: ${text}`)
}

async function connectTo(url: string) {
  const socket = new WebSocket(url)
  const waiting = new Map<number, (message: string) => void>()
  socket.addEventListener("message", ({ data }) => {
    const { id }: { id?: number } = JSON.parse(String(data))
    waiting.get(id ?? 0)?.(String(data))
  })
  await new Promise((resolve, reject) => {
    socket.addEventListener("open", resolve)
    socket.addEventListener("error", reject)
  })
  let last = 0
  return {
    send: async <T>(method: string, params: object = {}, sessionId?: string): Promise<T> => {
      last += 1
      const id = last
      socket.send(JSON.stringify({ id, method, params, sessionId }))
      const message = await new Promise<string>((resolve) => void waiting.set(id, resolve))
      waiting.delete(id)
      const { result, error }: { result: T; error?: unknown } = JSON.parse(message)
      if (error !== undefined) throw new Error(`${method}: ${JSON.stringify(error)}`)
      return result
    },
    close: () => socket.close(),
  }
}
