import { afterAll, expect, test } from "bun:test"
import { createServer, type Socket } from "node:net"
import { socketFetch } from "../../../src/command/http/socket-fetch.ts"

/** Responds to each connection with what the path names. */
const responses: Record<string, (socket: Socket) => void> = {
  "/chunked": (socket) => {
    socket.write("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nX-Request-Id: r1\r\n\r\n5\r\nhel")
    setTimeout(() => socket.end("lo\r\n6\r\n world\r\n0\r\n\r\n"), 20)
  },
  // The connection stays open.
  "/length": (socket) => void socket.write("HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello"),
  "/until-close": (socket) => void socket.end("HTTP/1.1 200 OK\r\n\r\nhello"),
  "/empty": (socket) => void socket.write("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n"),
  "/refused": (socket) =>
    void socket.write("HTTP/1.1 401 Unauthorized\r\ncontent-length: 4\r\nretry-after: 7\r\n\r\nä!!"),
  "/cut-chunk": (socket) => void socket.end("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhel"),
  "/cut-length": (socket) => void socket.end("HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhello"),
  "/reset": (socket) => {
    socket.write("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n")
    setTimeout(() => socket.resetAndDestroy(), 20)
  },
  "/cut-head": (socket) => void socket.end("HTTP/1.1 200 OK\r\n"),
  "/not-http": (socket) => void socket.end("SSH-2.0-OpenSSH\r\n\r\n\r\n"),
  "/silent": () => {},
}
const requests: string[] = []
const sockets = new Set<Socket>()
const server = createServer((socket) => {
  sockets.add(socket)
  socket.on("error", () => {})
  socket.once("data", (data) => {
    requests.push(String(data))
    const [, path = ""] = String(data).split(" ")
    responses[path.replace(/\?.*/, "")]?.(socket)
  })
})
await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))
const address = server.address()
const port = typeof address === "object" ? address?.port : 0
afterAll(() => {
  for (const socket of sockets) socket.destroy()
  server.close()
})

const get = (path: string, init: RequestInit = {}) =>
  socketFetch(`http://127.0.0.1:${port}${path}`, init, true)

test("socketFetch() sends the path, the query and the headers", async () => {
  await (await get("/length?a=b%20c", { headers: { authorization: "Bearer t" } })).text()
  expect(requests.at(-1)).toBe(
    `GET /length?a=b%20c HTTP/1.1\r\nhost: 127.0.0.1:${port}\r\nconnection: close\r\naccept-encoding: identity\r\nauthorization: Bearer t\r\n\r\n`,
  )
})

test.each([
  ["/chunked", "hello world"],
  ["/length", "hello"],
  ["/until-close", "hello"],
  ["/empty", ""],
])("socketFetch() reads the body of %s, in Bun and in Node", async (path, expected) => {
  for (const isBun of [true, false]) {
    const response = await socketFetch(`http://127.0.0.1:${port}${path}`, {}, isBun)
    let text = ""
    for await (const chunk of response.body ?? []) text += Buffer.from(chunk).toString()
    expect([response.status, text]).toEqual([200, expected])
  }
})

test("socketFetch() has the status, the headers and the whole text of a refusal", async () => {
  const response = await get("/refused")
  expect([response.status, response.headers.get("retry-after")]).toEqual([401, "7"])
  expect(await response.text()).toBe("ä!!")
})

test.each(["/cut-chunk", "/cut-length", "/reset"])("a body that breaks rejects: %s", async (path) => {
  const response = await get(path)
  await expect(response.text()).rejects.toThrow()
})

test.each(["/cut-head", "/not-http"])("what is no response rejects: %s", async (path) => {
  await expect(get(path)).rejects.toThrow(/no head|not of HTTP/)
})

test("socketFetch() rejects if nothing listens, and if it is aborted", async () => {
  await expect(socketFetch("http://127.0.0.1:9/", {}, true)).rejects.toThrow()
  await expect(get("/silent", { signal: AbortSignal.timeout(50) })).rejects.toThrow("aborted")
})

test("an abort closes the connection while the body is read", async () => {
  const abort = new AbortController()
  responses["/endless"] = (socket) => {
    socket.write("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n")
    socket.once("close", () => requests.push("closed"))
  }
  const response = await get("/endless", { signal: abort.signal })
  const reader = response.body!.getReader()
  expect(Buffer.from((await reader.read()).value ?? []).toString()).toBe("hello")
  const next = reader.read()
  abort.abort()
  await expect(next).rejects.toThrow("aborted")
  await Bun.sleep(50)
  expect(requests.at(-1)).toBe("closed")
})

test("nothing is read before the chunk was processed", async () => {
  responses["/large"] = (socket) => {
    const data = Buffer.alloc(2 ** 20, 0)
    for (let at = 0; at < data.length; at += 4) data.writeUInt32BE(at, at)
    socket.write(`HTTP/1.1 200 OK\r\ncontent-length: ${data.length}\r\n\r\n`)
    socket.end(data)
  }
  const response = await get("/large")
  let at = 0
  let isExact = true
  for await (const chunk of response.body ?? []) {
    // Whatever were received meanwhile would overwrite this chunk.
    await Bun.sleep(5)
    for (const byte of chunk) {
      if (byte !== ((at & ~3) >>> (24 - 8 * (at & 3))) % 256) isExact = false
      at += 1
    }
  }
  expect([at, isExact]).toEqual([2 ** 20, true])
})
