export type ListeningServer = {
  readonly pid: number
  /** `127.0.0.1:PORT` */
  readonly host: string
  /** Resolves when the process has ended. */
  kill(signal: "SIGKILL" | "SIGTERM"): Promise<void>
}

/**
 * Starts a server that prints "listening HOST:PORT" and stops when its standard input ends: it ends with this process,
 * however this process ends, and does not keep it alive.
 */
export async function startListening(command: readonly string[]): Promise<ListeningServer> {
  const server = Bun.spawn([...command], { stdin: "pipe", stdout: "pipe", stderr: "inherit" })
  server.unref()
  const line = await firstLine(server.stdout)
  const host = /^listening (\S+)$/.exec(line)?.[1]
  if (host === undefined) {
    server.kill("SIGKILL")
    throw new Error(`Cannot start ${command[0]}: its own output says why`)
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

async function firstLine(stream: ReadableStream<Uint8Array>): Promise<string> {
  const decoder = new TextDecoder()
  let text = ""
  for await (const chunk of stream) {
    text += decoder.decode(chunk, { stream: true })
    if (text.includes("\n")) break
  }
  return text.split("\n", 1).join("")
}
