import { html } from "hono/html"

/** Text in which what stands between backticks is code. */
export function inlineCode(text: string) {
  return text.split("`").map((part, index) => (index % 2 === 0 ? part : html`<code>${part}</code>`))
}

/** The same, ended by a full stop, unless it is empty. */
export function sentence(text: string) {
  return inlineCode(text === "" || text.endsWith(".") ? text : `${text}.`)
}
