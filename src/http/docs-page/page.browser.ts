import { type Call, toCall, toCurl, type Value } from "./curl.ts"

/** A stream may never end: what is shown of it does. */
const maxLines = 20
const maxCharacters = 64_000

const token = document.querySelector<HTMLInputElement>("#token")
const formEnd = document.querySelector("template")
token?.form?.addEventListener("submit", (event) => event.preventDefault())
for (const form of document.querySelectorAll<HTMLFormElement>("form[data-method]")) prepare(form)

/** Keeps the curl line equal to the form, and sends the request when the form is submitted. */
function prepare(form: HTMLFormElement): void {
  if (formEnd !== null) form.append(formEnd.content.cloneNode(true))
  const curl = form.querySelector(".curl")
  const result = form.querySelector<HTMLElement>(".result")
  const stop = form.querySelector<HTMLButtonElement>(".stop")
  if (curl === null || result === null || stop === null) return
  let running: AbortController | undefined

  const update = () => void (curl.textContent = toCurl(callOf(form)))
  form.addEventListener("input", update)
  update()
  form.querySelector(".copy")?.addEventListener("click", () => {
    void navigator.clipboard.writeText(curl.textContent ?? "")
  })
  stop.addEventListener("click", () => running?.abort())
  form.addEventListener("submit", (event) => {
    event.preventDefault()
    running?.abort()
    const call = callOf(form)
    if (call.method !== "GET" && !confirm(`Send ${call.method} ${call.url}?`)) return
    running = new AbortController()
    result.hidden = stop.hidden = false
    result.textContent = "…"
    void show(call, result, running).finally(() => void (stop.hidden = true))
  })
}

function callOf({ dataset, elements }: HTMLFormElement): Call {
  const values = [...elements].flatMap((element): Value[] =>
    element instanceof HTMLInputElement ||
    element instanceof HTMLSelectElement ||
    element instanceof HTMLTextAreaElement
      ? [{ in: element.dataset["in"] ?? "query", name: element.name, text: element.value }]
      : [],
  )
  const { method = "GET", path = "", needsToken, isFile, accept } = dataset
  const route = {
    method,
    path,
    base: location.origin,
    needsToken: needsToken !== undefined,
    isFile: isFile !== undefined,
    accept,
  }
  return toCall(route, values)
}

/** Sends the request and shows what comes, until it is enough. */
async function show(call: Call, result: HTMLElement, running: AbortController): Promise<void> {
  const { method, url, body } = call
  const headers = new Headers(call.headers.map(([name, value]) => [name, value]))
  if (call.needsToken && token?.value) headers.set("Authorization", `Bearer ${token.value}`)
  try {
    const response = await fetch(url, {
      method,
      headers,
      signal: running.signal,
      redirect: "manual",
      ...(body !== undefined && { body }),
    })
    if (response.type === "opaqueredirect")
      return void (result.textContent = "A redirect, which the page does not follow")
    result.textContent = `${head(response)}\n\n`
    await showBody(response, result, running)
  } catch (error) {
    const reason = running.signal.aborted ? "Stopped." : `The request failed: ${String(error)}`
    result.append(`\n${reason}`)
  }
}

const shownHeaders = ["content-type", "x-request-id", "location", "retry-after", "age"]

function head({ status, headers }: Response): string {
  const lines = shownHeaders.flatMap((name) => (headers.has(name) ? [`${name}: ${headers.get(name)}`] : []))
  return [String(status), ...lines].join("\n")
}

async function showBody(
  { body, headers }: Response,
  result: HTMLElement,
  running: AbortController,
): Promise<void> {
  const type = headers.get("content-type") ?? ""
  if (body === null) return
  if (!/json|text/.test(type)) {
    await body.cancel()
    result.append("A file: the curl line saves it.")
    return
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
    if (isStream) result.append(value)
    if (text.length > maxCharacters || (isStream && lines >= maxLines)) {
      running.abort()
      shorten(result, isStream)
      return
    }
  }
  if (!isStream) result.append(pretty(text))
}

/** Ends what is shown after the last line that is shown. */
function shorten(result: HTMLElement, isStream: boolean): void {
  const [top = "", ...rest] = (result.textContent ?? "").split("\n\n")
  const lines = rest.join("\n\n").split("\n").slice(0, maxLines)
  const shown = isStream ? lines.join("\n") : "More than this page shows."
  result.textContent = `${top}\n\n${shown.slice(0, maxCharacters)}\n\nStopped here: the curl line shows all of it.`
}

function pretty(text: string): string {
  try {
    return JSON.stringify(JSON.parse(text), null, 2)
  } catch {
    return text
  }
}
