import { readFileSync, readdirSync } from "node:fs"
import { join } from "node:path"
import { buildOnce, runBuild } from "./build-once.ts"
import { type ListeningServer, startListening } from "./listening-server.ts"
import { temporaryFolder } from "./temporary-folder.ts"

const source = join(import.meta.dir, "ferretdb")

/** A first build takes about a minute on a machine with two cores. */
export const buildTimeoutMs = 300_000

/** Why the server cannot be built here, if it cannot. */
export const missingForFerretdb = Bun.which("go") === null ? "needs go on the PATH" : undefined

/** A private server that a test may kill and freeze. */
export type FragileFerretdb = {
  readonly host: string
  /** Kills it, as a crash would. */
  kill9(): Promise<void>
  /** Starts it again with the same data, on the same port. */
  restart(): Promise<void>
  /** Keeps its sockets open but does not respond, like a machine that hangs. */
  freeze(): void
  thaw(): void
  /** Stops it and removes its data. */
  stop(): Promise<void>
}

/**
 * Starts a server that ends with this process.
 *
 * @param options.dir the folder of its data; without it a temporary folder, which the server removes on a normal exit
 */
export async function startFerretdb(options: { dir?: string; port?: number } = {}): Promise<ListeningServer> {
  const { dir, port = 0 } = options
  const sources = ["go.mod", "go.sum", "main.go"].map((name) => join(source, name))
  const binary = await buildOnce("ferretdb", sources, (draft) =>
    runBuild(["go", "build", "-buildvcs=false", "-o", draft, "."], source),
  )
  return startListening([binary, ...(dir === undefined ? [] : ["-dir", dir]), "-port", String(port)])
}

/** Starts a server that a test may kill and freeze. */
export async function startFragileFerretdb(): Promise<FragileFerretdb> {
  const folder = temporaryFolder()
  let server = await startFerretdb({ dir: folder.path })
  const { host } = server
  const port = Number(host.split(":")[1])
  return {
    host,
    kill9: () => server.kill("SIGKILL"),
    restart: async () => {
      server = await startFerretdb({ dir: folder.path, port })
    },
    freeze: () => {
      process.kill(server.pid, "SIGSTOP")
      // The signal reaches each thread a little later, and until then the server may still respond.
      if (process.platform === "linux") while (!isStopped(server.pid)) Bun.sleepSync(1)
    },
    thaw: () => process.kill(server.pid, "SIGCONT"),
    stop: async () => {
      await server.kill("SIGKILL")
      folder.remove()
    },
  }
}

/** Whether every thread of a process is stopped: the state after its name in /proc. */
function isStopped(pid: number): boolean {
  const tasks = `/proc/${pid}/task`
  return readdirSync(tasks).every((task) => /\) T /.test(readFileSync(`${tasks}/${task}/stat`, "utf8")))
}
