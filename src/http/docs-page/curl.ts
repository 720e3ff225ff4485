/** A request as the page describes it: what its form says, without the token. */
export type Call = {
  readonly method: string
  readonly url: string
  readonly headers: readonly (readonly [name: string, value: string])[]
  readonly needsToken: boolean
  readonly body?: string | undefined
  /** Whether the response is a file that is of no use in a terminal. */
  readonly isFile: boolean
}

/** A value of a form, and where it belongs in the request. */
export type Value = { readonly in: string; readonly name: string; readonly text: string }

/** The call with the values that were given; an empty value is none. */
export function toCall(
  route: Pick<Call, "method" | "needsToken" | "isFile"> & {
    readonly base: string
    readonly path: string
    /** The media type to accept, if the route does not choose a better one without it. */
    readonly accept?: string | undefined
  },
  values: readonly Value[],
): Call {
  const { method, needsToken, isFile, accept } = route
  const given = values.filter(({ text }) => text !== "")
  const path = given
    .filter((value) => value.in === "path")
    .reduce((path, { name, text }) => path.replace(`{${name}}`, encodeURIComponent(text)), route.path)
  const query = new URLSearchParams()
  for (const { in: place, name, text } of given) if (place === "query") query.append(name, text)
  // Commas separate the values of lists, and none of these needs to be encoded in a query.
  const search = `${query}`.replaceAll("%2C", ",").replaceAll("%3A", ":").replaceAll("%2F", "/")
  const body = given.find((value) => value.in === "body")?.text
  return {
    method,
    url: `${route.base}${path}${search === "" ? "" : `?${search}`}`,
    headers: [
      ...(accept === undefined ? [] : [["Accept", accept] as const]),
      ...given.filter((value) => value.in === "header").map(({ name, text }) => [name, text] as const),
      ...(body === undefined ? [] : [["Content-Type", "application/json"] as const]),
    ],
    needsToken,
    body,
    isFile,
  }
}

/** The line for a shell that makes the same request, with the token in the variable TOKEN. */
export function toCurl({ method, url, headers, needsToken, body, isFile }: Call): string {
  const output = isFile ? "-OJ" : url.includes("format=csv") && "-o members.csv"
  const parts = [
    // A problem's body would be saved as if it were the file.
    `curl -sSN ${output ? "--fail" : "--fail-with-body"}`,
    ...(method === "GET" ? [] : [`-X ${method}`]),
    ...(needsToken ? ['-H "Authorization: Bearer $TOKEN"'] : []),
    ...headers.map(([name, value]) => `-H ${quoted(`${name}: ${value}`)}`),
    ...(body === undefined ? [] : [`-d ${quoted(body)}`]),
    ...(output ? [output] : []),
    quoted(url),
  ]
  return parts.join(" ")
}

/** Within single quotes a shell changes nothing. */
function quoted(text: string): string {
  return `'${text.replaceAll("'", String.raw`'\''`)}'`
}
