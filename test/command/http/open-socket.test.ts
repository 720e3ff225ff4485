import { expect, test } from "bun:test"
import { once } from "node:events"
import { createServer, type Socket } from "node:net"
import { openSocket } from "../../../src/command/http/open-socket.ts"

test("in Bun, a piece is freed when the next one is read", async () => {
  const connected = Promise.withResolvers<Socket>()
  await using server = createServer(connected.resolve).listen(0, "127.0.0.1")
  await once(server, "listening")
  const address = server.address()
  const port = typeof address === "object" ? address?.port : 0
  const { read, close } = openSocket(new URL(`http://127.0.0.1:${port}`), {
    request: "request",
    signal: undefined,
    isBun: true,
  })
  const socket = await connected.promise

  try {
    socket.write("first")
    const first = await read()
    socket.write("second")
    expect(first?.toString()).toBe("first")
    const second = await read()
    expect([first?.length, second?.toString()]).toEqual([0, "second"])
  } finally {
    close()
    // The server would wait for it.
    socket.destroy()
  }
})
