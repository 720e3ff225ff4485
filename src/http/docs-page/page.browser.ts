import { type Call, toCall, toCurl, type Value } from "./curl.ts"
import { showResponse } from "./show-response.browser.ts"
import { parseToken } from "./token.ts"

const tokenInput = document.querySelector<HTMLInputElement>("#token")
const formEnd = document.querySelector("template")
tokenInput?.form?.addEventListener("submit", (event) => event.preventDefault())
for (const form of document.querySelectorAll<HTMLFormElement>("form[data-method]")) prepare(form)

/** Keeps the curl line equal to the form, and sends the request when the form is submitted. */
function prepare(form: HTMLFormElement): void {
  if (formEnd !== null) form.append(formEnd.content.cloneNode(true))
  const curl = form.querySelector(".curl")
  const result = form.querySelector<HTMLElement>(".result")
  const stop = form.querySelector<HTMLButtonElement>(".stop")
  const status = form.querySelector("[role=status]")
  if (curl === null || result === null || stop === null || status === null) return
  let running: AbortController | undefined

  /** A response does not stay under a curl line that it does not belong to. */
  const clear = () => {
    running?.abort()
    running = undefined
    result.hidden = stop.hidden = true
    status.textContent = ""
  }
  const update = () => {
    clear()
    curl.textContent = toCurl(callOf(form))
  }
  form.addEventListener("input", update)
  update()
  form.querySelector(".copy")?.addEventListener("click", () => {
    void copy(curl.textContent ?? "").then((outcome) => (status.textContent = outcome))
  })
  stop.addEventListener("click", () => running?.abort())
  form.addEventListener("submit", (event) => {
    event.preventDefault()
    clear()
    const call = callOf(form)
    if (call.method !== "GET" && !confirm(`Send ${call.method} ${call.url}?`)) return
    const current = (running = new AbortController())
    result.hidden = stop.hidden = false
    result.textContent = "…"
    result.focus()
    const run = async () => {
      const outcome = await send(call, result, current)
      if (running !== current) return
      stop.hidden = true
      status.textContent = outcome
      // The response has grown. Somebody who has moved on is not called back.
      if (document.activeElement === result) result.scrollIntoView({ block: "nearest" })
    }
    void run()
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

/** Sends the request and shows what comes. Returns what is to be said about it, if anything. */
async function send(call: Call, result: HTMLElement, running: AbortController): Promise<string> {
  const { method, url, body } = call
  const headers = new Headers(call.headers.map(([name, value]) => [name, value]))
  const { token, fault } = parseToken(call.needsToken ? (tokenInput?.value ?? "") : "")
  if (token !== "") headers.set("Authorization", `Bearer ${token}`)
  try {
    const response = await fetch(url, {
      method,
      headers,
      signal: running.signal,
      redirect: "manual",
      ...(body !== undefined && { body }),
    })
    const note = await showResponse(response, result, running)
    return call.needsToken && fault !== "" ? fault : note
  } catch (error) {
    return running.signal.aborted ? "Stopped." : `The request failed: ${String(error)}`
  }
}

async function copy(text: string): Promise<string> {
  try {
    await navigator.clipboard.writeText(text)
    return "Copied."
  } catch {
    return "The browser does not let this page copy: select the line."
  }
}
