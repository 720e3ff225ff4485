import { connect, createServer, type Socket } from "node:net"
import { Transform } from "node:stream"

/** A gateway that passes everything on and renames the `Date` of each response, because Bun.serve cannot omit it. */
export async function startRenamingGateway(upstreamUrl: string) {
  const { hostname, port } = new URL(upstreamUrl)
  const sockets = new Set<Socket>()
  const server = createServer((client) => {
    const upstream = connect(Number(port), hostname)
    for (const socket of [client, upstream]) {
      sockets.add(socket)
      socket.on("error", () => socket.destroy())
    }
    client.on("close", () => upstream.destroy())
    upstream.on("close", () => client.end())
    client.pipe(upstream)
    upstream.pipe(createRenamer()).pipe(client)
  })
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))
  const address = server.address()
  if (address === null || typeof address === "string") throw new Error("no port")
  return {
    url: `http://127.0.0.1:${address.port}`,
    stop: () => {
      for (const socket of sockets) socket.destroy()
      server.close()
    },
  }
}

/** Bun writes the head of a response in one piece, so the name is never divided between two chunks. */
function createRenamer(): Transform {
  return new Transform({
    transform: (chunk: Buffer, _encoding, done) => {
      const text = chunk.toString("latin1").replaceAll(/\r\nDate: /gi, "\r\nSent: ")
      done(null, Buffer.from(text, "latin1"))
    },
  })
}
