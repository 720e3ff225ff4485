import { connect, connection } from "../client/account.ts"
import type { Service } from "../client/request.ts"
import { announce, button, h, whileBusy } from "./dom.browser.ts"
import { problemBox, toShown } from "./problem.browser.ts"

const pollMs = 1500

type Options = {
  readonly main: HTMLElement
  readonly service: Service
  readonly heading: string
  readonly about: Node
  readonly onConnected: () => void
}

/** Offers to connect an account. The consent is given in a second tab, and this page notices when it was. */
export function showConnect({ main, service, heading, about, onConnected }: Options): void {
  const outcome = h("div", {})
  const section = h("section", {}, h("h2", {}, heading), about)
  const start = async () => {
    try {
      const { redirect_url: url } = await connect(`${location.origin}/console/connected`, service)
      if (url === null) return onConnected()
      window.open(url, "_blank", "noopener,noreferrer")
      outcome.replaceChildren(waiting(url))
      announce("Waiting for your consent in the other tab")
      await untilConnected(service, () => section.isConnected)
      if (section.isConnected) onConnected()
    } catch (failure) {
      const error = toShown(failure)
      if (error !== undefined) outcome.replaceChildren(problemBox(error))
    }
  }
  const connectButton = button("Connect Mailchimp", {
    className: "main",
    // A person who denied access, or closed the tab, may press it again.
    onclick: () => void whileBusy(connectButton, () => Promise.race([start(), pause(pollMs)])),
  })
  section.append(connectButton, outcome)
  main.replaceChildren(section)
  connectButton.focus()
}

function waiting(url: string): HTMLElement {
  const link = h("a", { href: url, target: "_blank", rel: "noopener noreferrer" }, "Open Mailchimp")
  return h(
    "div",
    { className: "waiting" },
    h("p", {}, "Waiting for your consent in the other tab. This page continues by itself."),
    h("p", { className: "quiet" }, "No tab? ", link, ". Denied by mistake? Connect again."),
  )
}

async function untilConnected(service: Service, isWanted: () => boolean): Promise<void> {
  while (isWanted()) {
    const account = await connection(service).catch((error: unknown) => {
      if (toShown(error)?.code !== "access_token_not_found") throw error
    })
    if (account?.token_invalidated === false) return
    await pause(pollMs)
  }
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => void setTimeout(resolve, ms))
}
