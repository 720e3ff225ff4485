import { createServer } from "node:net"

/** A proxy that responds to every request, even the opening of a tunnel, with one status and a page. */
export async function startRefusingProxy(refusal: string) {
  const body = "<html><title>Proxy</title></html>"
  const head = `HTTP/1.1 ${refusal}\r\ncontent-type: text/html\r\ncontent-length: ${body.length}\r\n\r\n`
  const server = createServer((socket) => {
    socket.on("error", () => socket.destroy())
    socket.on("data", () => socket.end(head + body))
  })
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))
  const address = server.address()
  if (address === null || typeof address === "string") throw new Error("no port")
  return {
    url: `http://127.0.0.1:${address.port}`,
    [Symbol.asyncDispose]: async () => void server.close(),
  }
}
