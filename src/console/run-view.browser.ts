import type { EndLine } from "../client/types.ts"
import { announce, focusableHeading, h, replaceButtons } from "./dom.browser.ts"
import type { Progress } from "./progress.ts"
import { count, duration, waitingWords } from "./words.ts"

/** The progress of more lists than these scrolls. */
const fewLists = 8

/**
 * A picture of an export: how far it is as a whole, and each list.
 *
 * @param about what it exports, in words
 */
export function createRunView(about: string) {
  const heading = focusableHeading("h3", "Exporting…")
  const bar = h("progress", { ariaLabel: "All lists" })
  const numbers = h("p", { className: "numbers" }, "Starting…")
  const note = h("p", { className: "quiet" })
  const perList = h("div", { className: "per-list", role: "group", ariaLabel: "Each list" })
  const result = h("div", {})
  const actions = h("div", { className: "actions" })
  /** Shown until more rows arrive. */
  let notice: { readonly sentence: string; readonly rows: number } | undefined
  const bars = new Map<string, { bar: HTMLProgressElement; text: HTMLElement }>()

  const drawList = ({ id, name, rows, estimate }: Progress["lists"][number]) => {
    const known = bars.get(id) ?? { bar: h("progress", { ariaLabel: name }), text: h("span", {}) }
    if (!bars.has(id)) perList.append(h("span", {}, name), known.bar, known.text)
    bars.set(id, known)
    // Then it scrolls, also by keyboard.
    if (bars.size > fewLists) Object.assign(perList, { className: "per-list many", tabIndex: 0 })
    known.bar.max = Math.max(1, rows, estimate)
    known.bar.value = rows
    known.text.textContent = rows.toLocaleString("en")
  }
  return {
    element: h(
      "div",
      { className: "run" },
      heading,
      h("p", { className: "quiet" }, about),
      bar,
      numbers,
      note,
      perList,
      result,
      actions,
    ),
    showActions: (...buttons: readonly HTMLButtonElement[]) => replaceButtons(actions, buttons, heading),
    draw: (progress: Progress) => {
      const { rows, estimate, lists, waitingFor } = progress
      if (lists.length > 1) for (const list of lists) drawList(list)
      bar.max = Math.max(1, rows, estimate)
      if (estimate > 0) bar.value = rows
      const rate = Math.round(progress.ratePerSecond())
      const seconds = progress.secondsLeft()
      numbers.textContent = [
        estimate > rows
          ? `${rows.toLocaleString("en")} of about ${count(estimate, "member")}`
          : count(rows, "member"),
        ...(rate > 0 ? [`${rate.toLocaleString("en")} a second`] : []),
        ...(seconds === undefined ? [] : [`about ${duration(seconds)} left`]),
      ].join(" · ")
      if (notice && rows > notice.rows) notice = undefined
      note.textContent = notice?.sentence ?? (waitingFor === undefined ? "" : waitingWords[waitingFor])
    },
    note: (sentence: string, rows: number) => {
      notice = { sentence, rows }
      note.textContent = sentence
    },
    /** An estimate may have been too high: a list that is done is full. */
    fill: (shortLists: ReadonlySet<string>) => {
      for (const [id, { bar }] of bars) if (!shortLists.has(id)) bar.value = bar.max
    },
    /** Says how it ended. */
    finish: (title: string, rows: number, ...about: readonly Node[]) => {
      heading.textContent = title
      note.textContent = ""
      numbers.textContent = count(rows, "member")
      bar.hidden = true
      result.replaceChildren(...about)
      announce(`${title}: ${count(rows, "member")}`)
    },
    resume: () => {
      notice = undefined
      heading.textContent = "Exporting…"
      bar.hidden = false
      result.replaceChildren()
    },
  }
}

/** What the end line proves, in plain words. */
export function proofOf(end: EndLine, listNames: ReadonlyMap<string, string>): Node {
  const nameOf = (id: string) => listNames.get(id) ?? id
  if (end.status === "complete") {
    const times = end.lists.flatMap(({ as_of }) => (as_of === undefined ? [] : [as_of])).toSorted()
    const until = times[0] === undefined ? "" : ` as of ${new Date(times[0]).toLocaleTimeString()}`
    return h("p", { className: "good" }, `Complete${until}: every member that you chose has arrived.`)
  }
  const short = end.lists.filter(({ short }) => short)
  return h(
    "div",
    { className: "problem" },
    h("p", {}, "Some members may be missing from these lists. Export again to get them."),
    h(
      "ul",
      {},
      ...short.map(({ id, code, count_differs = 0 }) => {
        const missing = count_differs > 0 ? ` (about ${count_differs.toLocaleString("en")})` : ""
        const why =
          code === undefined ? `Mailchimp counts more than it sent${missing}` : "it could not be read"
        return h("li", {}, `${nameOf(id)}: ${why}`)
      }),
    ),
  )
}
