import { html, raw } from "hono/html"

/** A button that sends a request and reloads the page; `pressed` marks the current choice of several. */
export function actionButton(method: string, path: string, body: unknown, label: string, pressed?: boolean) {
  return html`<button
    type="button"
    data-method="${method}"
    data-path="${path}"
    data-body="${body === undefined ? "" : JSON.stringify(body)}"
    ${pressed === undefined ? "" : raw(`aria-pressed="${pressed}"`)}
  >
    ${label}
  </button>`
}

/** Sends what a button or the fault form says, then reloads the page or shows why it failed. */
export const homePageScript = `
const send = async (method, path, body) => {
  const response = await fetch(path, { method, ...(body ? { body, headers: { "content-type": "application/json" } } : {}) })
  if (response.ok) location.reload()
  else document.getElementById("result").textContent = await response.text()
}
document.addEventListener("click", ({ target }) => {
  const { method, path, body } = target.dataset
  if (method) send(method, path, body)
})
document.getElementById("fault").addEventListener("submit", (event) => {
  event.preventDefault()
  const action = JSON.parse(new FormData(event.target).get("fault"))
  send("POST", "/sandbox/faults", JSON.stringify({ match: { path: "/members" }, action }))
})
`
