import { join } from "node:path"
import { temporaryFolder } from "../temporary-folder.ts"
import type { CompressedClient, ReadWith } from "./clients.ts"

const path = Bun.which("chromium")

/** A server of the page in which Chromium reads. The service must allow its origin. */
export function startChromiumPage() {
  let task: object = {}
  let tell = (_text: string) => {}
  const server = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    routes: {
      "/": new Response(Bun.file(join(import.meta.dir, "page.html"))),
      "/task": () => Response.json(task),
      "/told": async (request) => {
        tell(await request.text())
        return new Response()
      },
    },
  })

  const read: ReadWith = async (url, { authorization }, signal, onTold) => {
    const { promise: done, resolve } = Promise.withResolvers<void>()
    const folder = temporaryFolder()
    task = { url, authorization }
    tell = (text) => {
      onTold(text)
      if (text === "end" || text.includes("Error")) resolve()
    }
    signal.addEventListener("abort", () => resolve(), { once: true })
    const options = ["--headless", "--no-sandbox", "--disable-gpu", `--user-data-dir=${folder.path}`]
    const child = Bun.spawn([path ?? "", ...options, server.url.origin], { stderr: "ignore", signal })
    await done
    child.kill()
    await child.exited
    folder.remove()
  }
  // Chromium chooses Accept-Encoding itself.
  const clients: readonly CompressedClient[] = path === null ? [] : [["Chromium", "zstd", read]]
  return { origin: server.url.origin, clients, stop: () => server.stop(true) }
}
