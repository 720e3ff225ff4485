import type { MailchimpExportError } from "../client/error.ts"
import { showAccount } from "./account.browser.ts"
import { button, h } from "./dom.browser.ts"
import { problemBox } from "./problem.browser.ts"
import { removeOldFiles } from "./save.browser.ts"
import { hasToken, takeToken } from "./token.ts"

const main = document.querySelector("main")
if (main !== null) {
  const open = (token: string) => {
    // The token is kept here alone: neither storage nor a cookie has it, and a reload forgets it.
    const service = { baseUrl: location.origin, token }
    void showAccount({ main, service, signOut: (error) => askForToken(main, open, error) })
  }
  const token = takeToken(location, history)
  if (token === undefined) askForToken(main, open)
  else open(token)
  // A link with another token was opened in this tab. A new page ends what runs with the old one, and takes the token.
  addEventListener("hashchange", () => void (hasToken(location) && location.reload()))
  void removeOldFiles()
}

/** Shown if the address had no token, and if the service refuses it. */
function askForToken(main: HTMLElement, open: (token: string) => void, error?: MailchimpExportError): void {
  const input = h("input", {
    id: "token",
    type: "password",
    autocomplete: "off",
    spellcheck: false,
    required: true,
  })
  const form = h(
    "form",
    {
      onsubmit: (event) => {
        event.preventDefault()
        open(input.value.trim())
      },
    },
    h("label", { htmlFor: "token" }, "Access token"),
    input,
    h(
      "p",
      { className: "quiet" },
      "Your platform gives you this token. It stays in this page's memory, until you close or reload it.",
    ),
    button("Sign in", { type: "submit", className: "main" }),
  )
  main.replaceChildren(
    h("section", {}, h("h2", {}, "Sign in"), error === undefined ? "" : problemBox(error), form),
  )
}
