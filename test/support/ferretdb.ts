import { existsSync, mkdirSync, readFileSync, readdirSync, renameSync, rmSync } from "node:fs"
import { join } from "node:path"
import { temporaryFolder } from "./temporary-folder.ts"

const source = join(import.meta.dir, "ferretdb")
const cache = join(import.meta.dir, "../../node_modules/.cache/ferretdb")

/** A first build takes about a minute on a machine with two cores. */
export const buildTimeoutMs = 300_000

export type Ferretdb = {
  readonly pid: number
  /** `127.0.0.1:PORT` */
  readonly host: string
  /** Resolves when the process has ended. */
  kill(signal: "SIGKILL" | "SIGTERM"): Promise<void>
}

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

let built: Promise<string> | undefined

/** The path of the server's program, built once for each state of its source; only its modules are downloaded. */
function buildFerretdb(): Promise<string> {
  built ??= build()
  return built
}

async function build(): Promise<string> {
  const hash = new Bun.CryptoHasher("sha256")
  for (const name of ["go.mod", "go.sum", "main.go"]) hash.update(await Bun.file(join(source, name)).bytes())
  const binary = join(cache, hash.digest("hex").slice(0, 16))
  if (existsSync(binary)) return binary
  mkdirSync(cache, { recursive: true })
  const draft = `${binary}.${process.pid}`
  const go = Bun.spawn(["go", "build", "-buildvcs=false", "-o", draft, "."], {
    cwd: source,
    stdout: "ignore",
    stderr: "pipe",
  })
  const [output, exitCode] = await Promise.all([new Response(go.stderr).text(), go.exited])
  if (exitCode !== 0) {
    rmSync(draft, { force: true })
    throw new Error(`Cannot build FerretDB: ${output}`)
  }
  // Another process may have built it meanwhile: the rename leaves one of the two intact.
  renameSync(draft, binary)
  return binary
}

/**
 * Starts a server that ends with this process, however this process ends, and does not keep it alive.
 *
 * @param options.dir the folder of its data; without it a temporary folder, which the server removes on a normal exit
 */
export async function startFerretdb(options: { dir?: string; port?: number } = {}): Promise<Ferretdb> {
  const { dir, port = 0 } = options
  const binary = await buildFerretdb()
  const server = Bun.spawn([binary, ...(dir === undefined ? [] : ["-dir", dir]), "-port", String(port)], {
    stdin: "pipe",
    stdout: "pipe",
    stderr: "inherit",
  })
  server.unref()
  const line = await firstLine(server.stdout)
  const host = /^listening (\S+)$/.exec(line)?.[1]
  if (host === undefined) {
    server.kill("SIGKILL")
    throw new Error("Cannot start FerretDB: its own output says why")
  }
  return {
    pid: server.pid,
    host,
    kill: async (signal) => {
      server.kill(signal)
      await server.exited
    },
  }
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

async function firstLine(stream: ReadableStream<Uint8Array>): Promise<string> {
  const decoder = new TextDecoder()
  let text = ""
  for await (const chunk of stream) {
    text += decoder.decode(chunk, { stream: true })
    if (text.includes("\n")) break
  }
  return text.split("\n", 1).join("")
}
