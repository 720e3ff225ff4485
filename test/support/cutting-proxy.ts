import { connect, createServer, type Socket } from "node:net"

/** A TCP proxy that resets all of its connections again and again. */
export type CuttingProxy = {
  readonly url: string
  /** How many connections were reset while a response was on its way. */
  cuts(): number
  stop(): void
}

/** Starts a proxy that passes bytes on with backpressure, and resets every connection each `everyMs` milliseconds. */
export async function startCuttingProxy(upstreamUrl: string, everyMs: number): Promise<CuttingProxy> {
  const { hostname, port } = new URL(upstreamUrl)
  const clients = new Set<Socket>()
  let cuts = 0
  const server = createServer((client) => {
    const upstream = connect(Number(port), hostname)
    clients.add(client)
    client.pipe(upstream)
    upstream.pipe(client)
    for (const socket of [client, upstream]) socket.on("error", () => socket.destroy())
    client.on("close", () => {
      clients.delete(client)
      upstream.destroy()
    })
    upstream.on("close", () => client.destroy())
  })
  const timer = setInterval(() => {
    for (const client of clients) {
      cuts += 1
      client.resetAndDestroy()
    }
  }, everyMs)
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))
  const address = server.address()
  if (address === null || typeof address === "string") throw new Error("no port")
  return {
    url: `http://127.0.0.1:${address.port}`,
    cuts: () => cuts,
    stop: () => {
      clearInterval(timer)
      for (const client of clients) client.destroy()
      server.close()
    },
  }
}
