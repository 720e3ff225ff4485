import { join } from "node:path"
import { countLines } from "../../bench/support/consumer.ts"
import { hasPython, pythonWith } from "../python.ts"

/**
 * Reads an export until it ends or breaks, or the signal aborts. Tells "+N" for each chunk of N lines, and at last "end" or an
 * error.
 */
export type ReadWith = (
  url: string,
  headers: Readonly<Record<string, string>>,
  signal: AbortSignal,
  tell: (text: string) => void,
) => Promise<void>

export type CompressedClient = readonly [name: string, coding: string, read: ReadWith]

const fileOf = (name: string) => join(import.meta.dir, name)

const readWithBun: ReadWith = async (url, headers, signal, tell) => {
  try {
    const response = await fetch(url, { headers, signal })
    for await (const chunk of response.body ?? []) tell(`+${countLines(chunk)}`)
    tell("end")
  } catch (error) {
    tell(String(error))
  }
}

const readWithCurl: ReadWith = async (url, headers, signal, tell) => {
  const given = Object.entries(headers).flatMap(([name, value]) => ["-H", `${name}: ${value}`])
  const child = Bun.spawn(["curl", "-sN", "--compressed", ...given, url], { stdout: "pipe", signal })
  for await (const chunk of child.stdout) tell(`+${countLines(chunk)}`)
  const code = await child.exited
  tell(code === 0 ? "end" : `exit code ${code}`)
}

/** Runs a program that tells by its lines. */
const readWithProgram =
  (command: () => Promise<readonly string[]>): ReadWith =>
  async (url, headers, signal, tell) => {
    const program = [...(await command()), url, JSON.stringify(headers)]
    const child = Bun.spawn(program, { stdout: "pipe", stderr: "inherit", signal })
    let rest = ""
    for await (const chunk of child.stdout) {
      const lines = `${rest}${Buffer.from(chunk).toString()}`.split("\n")
      rest = lines.pop() ?? ""
      for (const line of lines) tell(line)
    }
    await child.exited
  }

const readWithNode = readWithProgram(async () => ["node", fileOf("read.mjs")])
const readWithPython = (library: string, needed: string) =>
  readWithProgram(async () => [await pythonWith(needed), fileOf("read.py"), library])

const clients: readonly (readonly [isHere: boolean, ...CompressedClient])[] = [
  [true, "Bun", "zstd", readWithBun],
  [true, "Bun", "gzip", readWithBun],
  [Bun.which("curl") !== null, "curl", "zstd", readWithCurl],
  [Bun.which("curl") !== null, "curl", "gzip", readWithCurl],
  [Bun.which("node") !== null, "Node", "gzip", readWithNode],
  [hasPython, "requests", "gzip", readWithPython("requests", "requests")],
  [hasPython, "httpx", "gzip", readWithPython("httpx", "httpx[zstd]")],
  [hasPython, "httpx", "zstd", readWithPython("httpx", "httpx[zstd]")],
]

/** Every client that is on this machine, with the codings that it decodes. */
export const compressedClients: readonly CompressedClient[] = clients.flatMap(([isHere, ...client]) =>
  isHere ? [client] : [],
)
