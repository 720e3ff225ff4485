/** As much of a browser as a login needs: cookies by origin, and redirects that are followed one at a time. */
export function createBrowser() {
  const cookies = new Map<string, Map<string, string>>()

  const jarOf = (origin: string) => {
    const jar = cookies.get(origin) ?? new Map<string, string>()
    cookies.set(origin, jar)
    return jar
  }

  const send = async (
    url: string,
    jar: Map<string, string>,
    headers: Record<string, string>,
  ): Promise<Response> => {
    const cookie = [...jar].map(([name, value]) => `${name}=${value}`).join("; ")
    const response = await fetch(url, {
      redirect: "manual",
      headers: { ...headers, ...(cookie === "" ? {} : { cookie }) },
    })
    for (const line of response.headers.getSetCookie()) {
      const [, name = "", value = ""] = /^([^=]+)=([^;]*)/.exec(line) ?? []
      jar.set(name, value)
    }
    return response
  }

  const visit = (url: string, headers: Record<string, string> = {}) =>
    send(url, jarOf(new URL(url).origin), headers)

  return {
    visit,
    /** Switches to another process behind the same public origin. */
    visitWithCookiesOf: (origin: string, url: string) => send(url, jarOf(origin), {}),
    /** Visits a page and follows its redirects until the host is not ours; returns the last URL, not visited. */
    follow: async (url: string, headers: Record<string, string> = {}): Promise<string> => {
      let next = url
      for (let hops = 0; hops < 10 && new URL(next).hostname === "127.0.0.1"; hops += 1) {
        const response = await visit(next, next === url ? headers : {})
        const location = response.headers.get("location")
        if (location === null)
          throw new Error(
            `No redirect from ${new URL(next).pathname}: ${response.status} ${await response.text()}`,
          )
        next = new URL(location, next).href
      }
      return next
    },
  }
}
