/** A proxy before a service that can hold the download of a job between two parts. */
export function startPartsProxy(upstreamUrl: string) {
  const served: string[] = []
  let held = Promise.withResolvers<void>()
  let isHolding = false
  held.resolve()
  const server = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    development: false,
    fetch: async (request) => {
      const { pathname, search } = new URL(request.url)
      const part = /\/parts\/(.+)$/.exec(pathname)?.[1]
      if (part !== undefined) {
        if (isHolding && served.length > 0) await held.promise
        else served.push(part)
      }
      return fetch(upstreamUrl + pathname + search, request)
    },
  })
  return {
    url: server.url.origin,
    /** The names of the parts that were passed on. */
    served,
    /** Begins anew: passes one part on, and holds the others until `release`. */
    holdAfterOne: () => {
      served.length = 0
      held = Promise.withResolvers()
      isHolding = true
    },
    release: () => {
      isHolding = false
      held.resolve()
    },
    stop: () => void server.stop(true),
  }
}
