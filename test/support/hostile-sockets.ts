import { connect, type Socket } from "node:net"

/** What a socket sends, and then waits with its connection open; `everyMs` sends the rest byte by byte. */
type Behavior = { readonly begin: string; readonly rest?: string; readonly everyMs?: number }

/** Requests that never come to their end, each a connection that stays open. */
export function halfOpenBehaviors(host: string, authorization: string): readonly Behavior[] {
  const head = (line: string) => `${line} HTTP/1.1\r\nHost: ${host}\r\nAuthorization: ${authorization}\r\n`
  return [
    { begin: "" },
    { begin: "GET" },
    { begin: head("GET /readyz") },
    { begin: "GET ", rest: `/${"a".repeat(1000)}`, everyMs: 1000 },
    { begin: head("GET /readyz"), rest: `X-Slow: ${"a".repeat(1000)}`, everyMs: 1000 },
    {
      begin: `${head("POST /v1/integrations/mailchimp/export-jobs")}Content-Type: application/json\r\nContent-Length: 1000\r\n\r\n{"format":`,
    },
  ]
}

/** Connections that are open at the same time: one that the server closes is opened again. */
export function createCrowd(url: string) {
  const { hostname, port } = new URL(url)
  const sockets = new Set<Socket>()
  const counts = { closed: 0 }
  let isOver = false

  const open = async (behavior: Behavior): Promise<void> => {
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    const socket = connect(Number(port), hostname, resolve)
    sockets.add(socket)
    socket.on("error", reject)
    socket.resume()
    await promise
    socket.write(behavior.begin)
    const trickle = startTrickle(socket, behavior)
    socket.on("close", () => {
      clearInterval(trickle)
      sockets.delete(socket)
      if (isOver) return
      counts.closed += 1
      // The service may end meanwhile.
      open(behavior).catch(() => {})
    })
  }
  return {
    /** Resolves when all are connected. */
    open: (count: number, behaviors: readonly Behavior[]) =>
      Promise.all(Array.from({ length: count }, (_, index) => open(behaviors[index % behaviors.length]!))),
    /** How many the server has closed so far. */
    closed: () => counts.closed,
    leave: () => {
      isOver = true
      for (const socket of sockets) socket.destroy()
    },
  }
}

function startTrickle(socket: Socket, { rest = "", everyMs }: Behavior) {
  let sent = 0
  if (everyMs === undefined) return undefined
  return setInterval(() => {
    if (socket.writable && sent < rest.length) socket.write(rest.charAt(sent))
    sent += 1
  }, everyMs)
}

/** Sends bytes on a connection of its own, and returns the first line of the response; empty if the server closes without one. */
export function sendBytes(url: string, bytes: Uint8Array): Promise<string> {
  const { hostname, port } = new URL(url)
  const { promise, resolve } = Promise.withResolvers<string>()
  let text = ""
  const socket = connect(Number(port), hostname, () => socket.end(bytes))
  socket.on("data", (data) => (text += data.toString("latin1")))
  // A server that has had enough resets the connection.
  socket.on("error", () => {})
  socket.on("close", () => resolve(text.split("\r\n", 1)[0] ?? ""))
  return promise
}
