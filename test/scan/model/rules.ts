import { Glob } from "bun"
import { readFileSync } from "node:fs"
import { join } from "node:path"
import type { Topic } from "./schedule.ts"
import {
  type Change,
  argument,
  changeAfterMark,
  condition,
  dropArgument,
  keep,
  keepArgument,
  marksIn,
  operand,
  remove,
  value,
} from "./mark.ts"

/** A rule of the scan, marked in the code by `// rule: NAME`, and how to change the code after the mark to take it out. */
export type Rule = {
  readonly name: string
  readonly change: Change
  /** What the schedules that show its absence are about, if others hardly ever need it. */
  readonly topics?: readonly Topic[]
  /** The tests that fail without the rule, below test/scan, if no schedule has ever shown its absence. */
  readonly unitTests?: string
}

/** A file with rules. */
export type Source = { readonly path: string; readonly code: string }

/** The rules that make the scan exact. `take-out-rules.ts` shows that the model notices when one is missing, or else a unit test. */
export const rules: readonly Rule[] = [
  {
    name: "a second is closed only after a margin",
    change: keep("left", "-", 2),
  },
  {
    name: "nothing is split at or after the horizon",
    change: keep("left", "&&"),
  },
  {
    name: "rows after a split are dropped from the pending page",
    change: condition("true"),
  },
  {
    name: "a window started by a split is in the cursor from then on",
    change: remove,
  },
  {
    name: "a page begins with the last second of the previous page",
    change: keep("left", "-"),
  },
  {
    name: "a page never begins after an open second",
    change: keepArgument(0),
  },
  {
    name: "a row is dropped if it equals the last version, not any version",
    change: operand("right", "||", (_, [, , fingerprint, versions, key]) => {
      const version = `${key} + ${fingerprint}`
      return `(${versions}.has(${version}) || !${versions}.set(${version}, ${fingerprint}))`
    }),
  },
  {
    name: "a tied second is read by offset",
    change: condition("false"),
  },
  {
    name: "a tied second is read again until all counted rows were shown",
    change: condition("true"),
  },
  {
    name: "only rows requested after a total count towards it",
    topics: ["churn", "dates", "ties"],
    change: argument(1, "totals.length"),
  },
  {
    name: "a short page is not the end while more rows are counted",
    change: keep("left", "&&"),
  },
  {
    name: "a full page is not the end, whatever is counted",
    topics: ["churn", "dates"],
    change: keep("right", "&&"),
  },
  {
    name: "no tail before the last page of the body",
    change: keep("left", "||", 2),
  },
  {
    name: "the body is followed by tails",
    change: argument(0, (horizon) => `${horizon} + 10`),
  },
  {
    name: "the next export begins each sweep at that sweep's own end",
    change: value((ends) => {
      const latest = "Math.max(live, archived ?? live)"
      return `(({ live, archived }) => ({ live: ${latest}, archived: archived && ${latest} }))(${ends})`
    }),
  },
  {
    name: "a sweep that was not read begins at the horizon",
    change: operand("right", "??", (horizon) => `${horizon} + 10`),
  },
  {
    name: "if one status was requested, the next export begins at the horizon, to see members who lost it",
    change: condition("true"),
  },
  {
    name: "if several statuses were requested, the next export begins at the horizon as well",
    change: keep("left", "&&"),
  },
  {
    name: "if several statuses were requested, rows of others are dropped after they were counted",
    change: condition("true"),
  },
  {
    name: "after an export of archived members alone, the next export begins them at the end of that sweep",
    topics: ["archived", "filters", "ties"],
    change: condition("false"),
  },
  {
    name: "a tail ends at the caller's upper bound",
    change: dropArgument(1, 2),
  },
  {
    name: "`asOf` is the watermark when the last pages were requested, not now",
    change: value((asOf) => `${asOf} + 11`),
  },
  {
    name: "the next export repeats a short reading",
    change: dropArgument(1),
  },
  {
    name: "a short reading makes the list short",
    change: value("() => undefined"),
  },
  {
    name: "a cursor goes back to the last second that was written",
    change: value((_, [pages]) => `() => ({ since: ${pages}.anchor() + 1 })`),
  },
  {
    name: "a cursor remembers what was short",
    change: value("undefined"),
  },
  {
    name: "a query's upper bound is one second after the last second that is read",
    change: keep("left", "+"),
  },
  {
    name: "a tied second that is gone is requested without an upper bound",
    change: condition("false"),
  },
  {
    name: "a tied second whose upper bound is ignored is short",
    topics: ["filters", "ties"],
    change: condition("false"),
  },
  {
    name: "a reading whose since is ignored is short",
    topics: ["filters"],
    change: value("false"),
  },
  {
    name: "only rows that are delivered once prove that none is hidden",
    change: dropArgument(1),
  },
  {
    name: "members without a date are looked for if dates are doubted",
    change: condition("true"),
  },
  {
    name: "the tail runs again after a check for members without a date",
    topics: ["churn", "undated"],
    change: remove,
  },
  {
    name: "what was delivered is compared with what is counted",
    change: value("undefined"),
  },
  {
    name: "a second is closed by our own clock as well as by Mailchimp's",
    change: keepArgument(1),
  },
  {
    name: "a second is closed by Mailchimp's clock as well as by our own",
    change: keepArgument(0),
  },
  {
    name: "without a Date our own clock is used, minus one more margin",
    topics: ["dateless"],
    change: keep("left", "-"),
  },
  {
    name: "members dated ahead are read by offset, not waited for",
    topics: ["ahead"],
    change: value("false"),
  },
  {
    name: "dated ahead means ahead of the later clock",
    topics: ["ahead", "clocks"],
    change: argument(0, (sentAt) => `{ latest: ${sentAt}.earliest }`),
  },
  {
    name: "changes after the boundary are read",
    topics: ["ahead"],
    change: condition("true"),
  },
  {
    name: "a member dated ahead is not taken for a change",
    topics: ["ahead", "counts"],
    change: keep("left", "&&"),
  },
  {
    name: "members dated ahead are read again if the boundary is past",
    topics: ["ahead"],
    change: value("false"),
  },
  {
    name: "members up to the boundary are read after those dated ahead",
    topics: ["ahead"],
    change: value("undefined"),
  },
  {
    name: "no wait is longer than six margins",
    topics: ["clocks"],
    change: keepArgument(0),
  },
  {
    name: "a row without a key is never dropped",
    topics: ["ids"],
    change: keep("left", "&&"),
  },
  {
    name: "a row without a key is counted once",
    topics: ["counts", "ids"],
    change: condition("false"),
  },
  {
    name: "a row is dropped only if its id and its bytes are known",
    topics: ["ids"],
    change: operand("left", "||", (_, [, before]) => `${before} !== undefined`),
  },
  {
    name: "three equal passes, not one, prove that all rows without a key were read",
    topics: ["ids", "ties"],
    change: value("1"),
  },
  {
    name: "a count is wrong only if both directions show the same rows",
    topics: ["counts"],
    change: remove,
  },
  {
    name: "a recount takes a second from one response",
    unitTests: "reconciliation/recount-attempt.test.ts",
    change: condition("true"),
  },
  {
    name: "the rows that both directions show were delivered, or are delivered now",
    topics: ["counts"],
    change: keep("left", "&&"),
  },
  {
    name: "two empty truncated responses do not prove that there are no rows",
    topics: ["empty"],
    change: value("false"),
  },
  {
    name: "a doubted count is still doubted after a resume",
    topics: ["counts"],
    change: value("undefined"),
  },
  {
    name: "requests start when more are allowed",
    topics: ["sharing"],
    change: argument(0, "() => {}"),
  },
  {
    name: "no request starts while a page is consumed",
    topics: ["sharing"],
    change: condition("true"),
  },
  {
    name: "no `asOf` is later than the watermark before the clock was put back",
    topics: ["clocks"],
    change: value("() => Infinity"),
  },
  {
    name: "a list that failed alone is read whole by the next export",
    topics: ["failures"],
    change: condition("false"),
  },
]

/** The files of a folder of the project that may have rules. */
export function readSources(folder: string): Source[] {
  const paths = ["src/scan/**/*.ts", "src/mailchimp/**/*.ts"].flatMap((pattern) => [
    ...new Glob(pattern).scanSync(folder),
  ])
  return paths.toSorted().map((path) => ({ path, code: readFileSync(join(folder, path), "utf8") }))
}

/**
 * Returns the file with the rule, without the rule.
 *
 * @throws {Error} if the rule is not in exactly one file, e.g. because its mark was removed
 */
export function withoutRule(sources: readonly Source[], rule: Rule): Source {
  const [source, ...others] = sources.filter(({ code }) => marksIn(code).includes(rule.name))
  if (!source || others.length > 0) throw new Error(`Cannot find the rule in exactly one file: ${rule.name}`)
  return { path: source.path, code: changeAfterMark(source.code, rule.name, rule.change) }
}
