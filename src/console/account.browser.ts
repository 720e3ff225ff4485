import { connection, disconnect, lists as readLists } from "../client/account.ts"
import type { MailchimpExportError } from "../client/error.ts"
import type { Service } from "../client/request.ts"
import type { Connection, List } from "../client/types.ts"
import { showConnect } from "./connect.browser.ts"
import { announce, button, confirmed, focusableHeading, h, whileBusy } from "./dom.browser.ts"
import { createExportSection } from "./export-section.browser.ts"
import { createJobs } from "./jobs.browser.ts"
import { problemBox, toShown } from "./problem.browser.ts"
import { accountWords, count, dateTime, syncWords } from "./words.ts"

/** What every view needs. */
export type Console = {
  readonly main: HTMLElement
  readonly service: Service
  /** Asks for another token, because the service refused this one. */
  readonly signOut: (error: MailchimpExportError) => void
}

/** Shows the connected account, or how to connect one. */
export async function showAccount(shown: Console): Promise<void> {
  const { main, service } = shown
  main.replaceChildren(h("p", { className: "quiet" }, "One moment…"))
  try {
    const account = await connection(service)
    showConnected(shown, account, await readLists(service))
  } catch (failure) {
    const error = toShown(failure)
    if (error === undefined) return
    if (error.code === "unauthorized") return shown.signOut(error)
    if (error.code === "access_token_not_found")
      return showConnect(toConnect(shown, "Connect your Mailchimp account", notYet()))
    if (error.code === "connection_invalidated") return reconnect(shown, error)
    const retry = button("Try again", { className: "main", onclick: () => void showAccount(shown) })
    main.replaceChildren(h("section", {}, h("h2", {}, "This did not work"), problemBox(error), retry))
  }
}

function toConnect(shown: Console, heading: string, about: Node) {
  const { main, service } = shown
  return { main, service, heading, about, onConnected: () => void showAccount(shown) }
}

function reconnect(shown: Console, error: MailchimpExportError): void {
  showConnect(toConnect(shown, "Reconnect Mailchimp", problemBox(error)))
}

function notYet(): Node {
  return h(
    "p",
    {},
    "No account is connected yet. Mailchimp will ask you for your consent in a new tab. Its contacts are only read, never changed.",
  )
}

function showConnected(shown: Console, account: Connection, lists: readonly List[]): void {
  const { main, service } = shown
  const jobs = createJobs(service)
  const heading = focusableHeading("h2", account.account_name ?? "Your Mailchimp account")
  main.replaceChildren(
    accountSection(shown, heading, account, lists),
    lists.length === 0
      ? nothingToExport(shown)
      : createExportSection({
          service,
          lists,
          onReconnect: (error) => reconnect(shown, error),
          onJob: jobs.show,
        }),
    jobs.element,
  )
  heading.focus()
  announce(`Connected to ${account.account_name ?? "Mailchimp"}`)
}

function nothingToExport(shown: Console): HTMLElement {
  const again = button("Look again", { onclick: () => void showAccount(shown) })
  const advice = "Create a list at Mailchimp, where it is called an audience, and look again."
  return h("section", {}, h("h2", {}, "Nothing to export"), h("p", {}, advice), again)
}

function accountSection(
  shown: Console,
  heading: HTMLElement,
  { connected_at }: Connection,
  lists: readonly List[],
): HTMLElement {
  const since = connected_at === null ? "Connected" : `Connected on ${dateTime(connected_at)}`
  const end = button("Disconnect", {
    onclick: async () => {
      if (await confirmed(disconnectQuestion)) await whileBusy(end, () => disconnectAccount(shown))
    },
  })
  return h(
    "section",
    { className: "account" },
    h(
      "div",
      {},
      heading,
      h("p", { className: "quiet" }, since),
      h("p", {}, accountWords(lists)),
      lists.length === 0 ? "" : h("p", { className: "quiet" }, syncWords(lists)),
    ),
    end,
  )
}

const disconnectQuestion = {
  title: "Disconnect this account?",
  text: "This deletes everything stored here for the account: the access to Mailchimp, exports in the background and their files. Running exports end. Your contacts at Mailchimp and files that you have saved stay.",
  yes: "Disconnect",
}

async function disconnectAccount(shown: Console): Promise<void> {
  try {
    const { webhooks_left } = await disconnect(shown.service)
    const left = webhooks_left.length
    const rest =
      left === 0
        ? ""
        : ` ${count(left, "webhook")} could not be removed at Mailchimp: each is disabled when it is next used.`
    const about = h("p", { role: "status" }, `Everything stored for the account was deleted.${rest}`)
    const atMailchimp =
      "Mailchimp itself still lists this app. To remove it there too, open Account → Extras → API keys at Mailchimp, and look for “Authorized applications”."
    showConnect(toConnect(shown, "Disconnected", h("div", {}, about, h("p", {}, atMailchimp))))
    announce("Disconnected")
  } catch (failure) {
    const error = toShown(failure)
    if (error !== undefined) shown.main.prepend(problemBox(error))
  }
}
