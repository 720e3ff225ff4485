import { describe } from "bun:test"
import { Redis } from "ioredis"
import { freePort } from "../../src/dev/free-port.ts"
import { temporaryFolder } from "./temporary-folder.ts"
import { until } from "./until.ts"

const isMissing = Bun.which("redis-server") === null

/** A suite that needs Redis. Without it the suite is skipped, and its name says why. */
export function describeWithRedis(name: string, suite: () => void): void {
  describe.skipIf(isMissing)(isMissing ? `${name} (skipped: needs redis-server on the PATH)` : name, suite)
}

/** Ends the server when standard input ends, so that no test process leaves it behind. */
const watched = `redis-server "$@" & cat > /dev/null; kill -9 $!`

/**
 * Starts a private server on a free port or a given one. It loses its data when it ends, unless it has a folder to keep
 * the data in.
 */
export async function startRedis(options: { readonly port?: number; readonly dataFolder?: string } = {}) {
  const { port = freePort(), dataFolder } = options
  const folder = temporaryFolder()
  const data =
    dataFolder === undefined
      ? [folder.path, "--appendonly", "no"]
      : [dataFolder, "--appendonly", "yes", "--appendfsync", "always"]
  const flags = ["--bind", "127.0.0.1", "--port", String(port), "--dir", ...data]
  const shell = Bun.spawn(["sh", "-c", watched, "sh", ...flags, "--save", ""], {
    stdin: "pipe",
    stdout: "ignore",
    stderr: "inherit",
  })
  shell.unref()
  const url = `redis://127.0.0.1:${port}`
  const client = new Redis(url, { retryStrategy: () => 50 })
  client.on("error", () => {})
  await until("Redis to respond", () =>
    client.ping().then(
      () => true,
      () => false,
    ),
  )
  const pid = Number(/process_id:(\d+)/.exec(await client.info("server"))?.[1])
  return {
    url,
    port,
    client,
    freeze: () => process.kill(pid, "SIGSTOP"),
    thaw: () => process.kill(pid, "SIGCONT"),
    /** Kills it, as a crash would: it loses all data that it does not keep in a folder. */
    kill9: async () => {
      client.disconnect()
      shell.kill("SIGKILL")
      process.kill(pid, "SIGKILL")
      await shell.exited
      folder.remove()
    },
  }
}
