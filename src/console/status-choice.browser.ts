import type { MemberStatus } from "../client/member.ts"
import { checkButtons, choice, h } from "./dom.browser.ts"
import type { Selection } from "./run.browser.ts"
import { statusNames } from "./words.ts"

const statuses: readonly MemberStatus[] = [
  "subscribed",
  "unsubscribed",
  "cleaned",
  "pending",
  "transactional",
  "archived",
]

/** What Mailchimp's names do not say. */
const hints: { readonly [Status in MemberStatus]?: string } = {
  cleaned: "(mail bounced)",
  pending: "(not confirmed yet)",
  transactional: "(no marketing e-mails)",
  archived: "(taken out of the list)",
}

/** The choice of statuses, all but archived at first. */
export function createStatusChoice() {
  const boxes = statuses.map((status) => ({
    status,
    ...choice(statusNames[status], { checked: status !== "archived" }, hints[status]),
  }))
  const check = (isChecked: boolean) => {
    for (const { input } of boxes) input.checked = isChecked
  }
  const checked = () => boxes.filter(({ input }) => input.checked).map(({ status }) => status)
  return {
    element: h(
      "fieldset",
      {},
      h("legend", {}, "Members who are"),
      h("div", { className: "tools" }, ...checkButtons("statuses", check)),
      h("div", { className: "choices" }, ...boxes.map(({ element }) => element)),
    ),
    words: () => checked().map((status) => statusNames[status]),
    isEmpty: () => checked().length === 0,
    /** Without a status, all but archived members. */
    selected: (): Pick<Selection, "status" | "include"> => {
      const status = checked()
      if (status.length === statuses.length) return { include: "archived" }
      const isUsual = status.length === statuses.length - 1 && !status.includes("archived")
      return isUsual ? {} : { status }
    },
  }
}
