import { connection, disconnect, lists as readLists } from "../client/account.ts"
import type { MailchimpExportError } from "../client/error.ts"
import type { Service } from "../client/request.ts"
import type { Connection, List } from "../client/types.ts"
import { showConnect } from "./connect.browser.ts"
import { announce, button, confirmed, h, whileBusy } from "./dom.browser.ts"
import { createExportSection } from "./export-section.browser.ts"
import { createJobs } from "./jobs.browser.ts"
import { sizeOf } from "./list-size.ts"
import { problemBox, toShown } from "./problem.browser.ts"
import { count } from "./words.ts"

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
  main.replaceChildren(
    accountSection(shown, account, lists),
    ...(lists.length === 0
      ? [h("section", {}, h("h2", {}, "Nothing to export"), h("p", {}, "This account has no lists yet."))]
      : [
          createExportSection({
            service,
            lists,
            onReconnect: (error) => reconnect(shown, error),
            onJob: jobs.show,
          }),
        ]),
    jobs.element,
  )
  announce(`Connected to ${account.account_name ?? "Mailchimp"}`)
}

function accountSection(shown: Console, account: Connection, lists: readonly List[]): HTMLElement {
  const { account_name, data_center, connected_at } = account
  const synced = lists.filter(({ webhook }) => webhook).length
  const since = connected_at === null ? "" : `, connected on ${new Date(connected_at).toLocaleString()}`
  const contacts = lists.reduce((sum, list) => sum + sizeOf(list), 0)
  const end = button("Disconnect", { onclick: () => void whileBusy(end, () => disconnectAccount(shown)) })
  return h(
    "section",
    { className: "account" },
    h(
      "div",
      {},
      h("h2", {}, account_name ?? "Your Mailchimp account"),
      h("p", { className: "quiet" }, `Data center ${data_center}${since}`),
      h(
        "p",
        {},
        `${count(lists.length, "list")} with about ${count(contacts, "contact")}. ${synced === 0 ? "None" : synced} of them ${synced > 1 ? "are" : "is"} kept in sync.`,
      ),
    ),
    end,
  )
}

async function disconnectAccount(shown: Console): Promise<void> {
  const isSure = await confirmed({
    title: "Disconnect this account?",
    text: "This deletes everything stored here for the account: the access to Mailchimp, exports in the background and their files. Running exports end. Your contacts at Mailchimp and files that you have saved stay.",
    yes: "Disconnect",
  })
  if (!isSure) return
  try {
    const { webhooks_left } = await disconnect(shown.service)
    const left = webhooks_left.length
    const rest =
      left === 0
        ? ""
        : ` ${count(left, "webhook")} could not be removed at Mailchimp: each is disabled when it is next used.`
    const about = h("p", { role: "status" }, `Everything stored for the account was deleted.${rest}`)
    showConnect(toConnect(shown, "Disconnected", about))
  } catch (failure) {
    const error = toShown(failure)
    if (error !== undefined) shown.main.prepend(problemBox(error))
  }
}
