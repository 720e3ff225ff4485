/** Sends a request on a socket, and returns what has arrived when `isEnough` of it has. */
export async function readFirstBytes(
  url: string,
  headers: Readonly<Record<string, string>>,
  isEnough: (text: string) => boolean,
): Promise<string> {
  const { hostname, port, host, pathname, search } = new URL(url)
  const { promise, resolve } = Promise.withResolvers<string>()
  let text = ""
  const socket = await Bun.connect({
    hostname,
    port: Number(port),
    socket: {
      data: (_socket, bytes) => {
        text += bytes.toString("latin1")
        if (isEnough(text)) resolve(text)
      },
    },
  })
  const fields = Object.entries({ host, ...headers }).map(([name, value]) => `${name}: ${value}`)
  socket.write(`${[`GET ${pathname}${search} HTTP/1.1`, ...fields].join("\r\n")}\r\n\r\n`)
  try {
    return await promise
  } finally {
    socket.end()
  }
}
