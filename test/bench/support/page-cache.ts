/**
 * A proxy before a sandbox that keeps the pages of members it has seen, so that a page costs the same whatever its fields:
 * the sandbox parses every row to select fields, which Mailchimp is not known to do. Argument: the sandbox's URL.
 */
const [upstream = ""] = process.argv.slice(2)
const kept = new Map<string, { readonly headers: Headers; readonly body: ArrayBuffer }>()

const server = Bun.serve({
  port: 0,
  hostname: "127.0.0.1",
  fetch: async (request) => {
    const { pathname, search } = new URL(request.url)
    const path = pathname + search
    const known = kept.get(path)
    if (known) return new Response(known.body, known)
    const response = await fetch(upstream + path, {
      headers: { authorization: request.headers.get("authorization") ?? "", "accept-encoding": "gzip" },
      decompress: false,
    })
    const { headers, status } = response
    // Bun gives each response its own date, by which a service knows Mailchimp's clock.
    for (const name of ["date", "content-length"]) headers.delete(name)
    const body = await response.arrayBuffer()
    if (status === 200 && pathname.endsWith("/members")) kept.set(path, { headers, body })
    return new Response(body, { headers, status })
  },
})
process.stdout.write(server.url.origin)
