/** A stream may never end: what is shown of it does. */
const maxLines = 20
const maxCharacters = 64_000

/** Shows a response until it is enough. Returns what is to be said about it, if anything. */
export async function showResponse(
  response: Response,
  result: HTMLElement,
  running: AbortController,
): Promise<string> {
  if (response.type === "opaqueredirect") {
    result.textContent = ""
    return "A redirect, which the page does not follow."
  }
  const { body, headers } = response
  result.textContent = `${head(response)}\n\n`
  const type = headers.get("content-type") ?? ""
  if (body === null) return ""
  if (!/json|text/.test(type)) {
    await body.cancel()
    return "A file: the curl line saves it."
  }
  const isStream = /ndjson|csv/.test(type)
  const reader = body.pipeThrough(new TextDecoderStream()).getReader()
  let text = ""
  let lines = 0
  for (;;) {
    const { done, value } = await reader.read()
    if (done) break
    text += value
    lines += value.split("\n").length - 1
    result.append(value)
    if (text.length > maxCharacters || (isStream && lines >= maxLines)) {
      running.abort()
      // JSON has no lines that would end it sooner.
      return shorten(result, isStream ? maxCharacters : 2000)
    }
  }
  if (isStream) return ""
  result.textContent = `${head(response)}\n\n${pretty(text)}`
  return openConsent(text)
}

/** Opens the address at which a login continues. */
function openConsent(text: string): string {
  const url = /"redirect_url":"(http[^"]+)/.exec(text)?.[1]
  if (!url) return ""
  open(url, "", "noopener")
  return "Consent in the new tab, then come back."
}

const shownHeaders = ["content-type", "x-request-id", "location", "retry-after", "age"]

function head({ status, headers }: Response): string {
  const lines = shownHeaders.flatMap((name) => (headers.has(name) ? [`${name}: ${headers.get(name)}`] : []))
  return [String(status), ...lines].join("\n")
}

/** Ends what is shown after the last line that is shown. */
function shorten(result: HTMLElement, mostCharacters: number): string {
  const [top = "", ...rest] = (result.textContent ?? "").split("\n\n")
  const lines = rest.join("\n\n").split("\n").slice(0, maxLines)
  result.textContent = `${top}\n\n${lines.join("\n").slice(0, mostCharacters)}`
  const shown = lines.length > 1 ? `${lines.length} lines` : `${mostCharacters} characters`
  return `Stopped after ${shown} because it may be long: the curl line shows all of it.`
}

function pretty(text: string): string {
  try {
    return JSON.stringify(JSON.parse(text), null, 2)
  } catch {
    return text
  }
}
