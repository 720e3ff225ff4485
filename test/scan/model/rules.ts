/** A rule of the scan, and the change to its code in src/scan that takes it out. */
export type Rule = {
  readonly name: string
  readonly file: string
  readonly from: string
  readonly to: string
}

/** The rules that make the scan exact. `take-out-rules.ts` shows that the model notices when one is missing. */
export const rules: readonly Rule[] = [
  {
    name: "a second is closed only after a margin",
    file: "watermark.ts",
    from: "Math.floor(clock - marginS) - 1",
    to: "Math.floor(clock) - 1",
  },
  {
    name: "nothing is split at or after the horizon",
    file: "list-scan.ts",
    from: "second > tail.reading.position().since && second < horizon",
    to: "second > tail.reading.position().since",
  },
  {
    name: "rows after a split are dropped from the pending page",
    file: "window.ts",
    from: "const end = until === undefined ? page.length : countUpTo(page, page.length, until)",
    to: "const end = page.length",
  },
  {
    name: "a window started by a split is in the cursor from then on",
    file: "list-scan.ts",
    from: "sweep.windows.add(child)",
    to: "",
  },
  {
    name: "a page begins with the last second of the previous page",
    file: "window.ts",
    from: "Math.min(last, closed) - 1 <= anchor) return false\n    anchor = Math.min(last, closed) - 1",
    to: "Math.min(last, closed) <= anchor) return false\n    anchor = Math.min(last, closed)",
  },
  {
    name: "a page never begins after an open second",
    file: "window.ts",
    from: "Math.min(last, closed) - 1 <= anchor) return false\n    anchor = Math.min(last, closed) - 1",
    to: "last - 1 <= anchor) return false\n    anchor = last - 1",
  },
  {
    name: "a row is known by both its id and its second",
    file: "window.ts",
    from: "countHead(page, anchor + 1)",
    to: "page.length",
  },
  {
    name: "a row is dropped if it equals the last version, not any version",
    file: "deduplicate.ts",
    from: "versions.get(key) === fingerprint\n",
    to: "versions.has(`${key} ${fingerprint}`)\n    versions.set(`${key} ${fingerprint}`, fingerprint)\n",
  },
  {
    name: "a tied second is read by offset",
    file: "window.ts",
    from: "if (page.length >= page.count) {",
    to: "if (page.length < 0) {",
  },
  {
    name: "a tied second is read again until all counted rows were shown",
    file: "offset-reading.ts",
    from: "else startAgain(page)",
    to: 'else ended = "complete"',
  },
  {
    name: "only rows requested after a total count towards it",
    file: "offset-reading.ts",
    from: "    show(id, after)\n",
    to: "    show(id, totals.length)\n",
  },
  {
    name: "a short page is not the end while more rows are counted",
    file: "reading.ts",
    from: "page.length < page.count && offset + page.length >= page.totalItems",
    to: "page.length < page.count",
  },
  {
    name: "a full page is not the end, whatever is counted",
    file: "reading.ts",
    from: "page.length < page.count && offset + page.length >= page.totalItems",
    to: "offset + page.length >= page.totalItems",
  },
  {
    name: "a request whose response has no new row is repeated",
    file: "window.ts",
    from: "return isSame || repeats > MAX_REPEATS ?",
    to: "return repeats > 0 ? undefined : repeats > MAX_REPEATS ?",
  },
  {
    name: "no tail before the last page of the body",
    file: "list-scan.ts",
    from: "if (tail || sweeps.some(({ windows, endsCheck }) => windows.size > 0 || endsCheck)) return []",
    to: "if (tail) return []",
  },
  {
    name: "the body is followed by tails",
    file: "list-scan.ts",
    from: "if (next) return startTail(next)",
    to: "if (next && next.tail?.since !== horizon) return startTail(next)",
  },
  {
    name: "the next export begins each sweep at that sweep's own end",
    file: "list-scan.ts",
    from: "Math.min(asOf, shortAt, clockSteps.limit()),\n",
    to: "Math.max(...sweeps.map((sweep) => sweep.asOf), Math.min(asOf, shortAt, clockSteps.limit())),\n",
  },
  {
    name: "a sweep that was not read begins at the horizon",
    file: "list-scan.ts",
    from: "[live = horizon, other = horizon]",
    to: "[live = horizon, other = live]",
  },
  {
    name: "if one status was requested, the next export begins at the horizon, to see members who lost it",
    file: "list-scan.ts",
    from: "status === undefined ? live : Math.min(live, horizon)",
    to: "live",
  },
  {
    name: "if archived members were requested and ended short, the next export resumes them there",
    file: "list-scan.ts",
    from: 'status === "archived" ? live : other',
    to: "other",
  },
  {
    name: "a tail ends at the caller's upper bound",
    file: "list-scan.ts",
    from: "startReading(sweep.name, sweep.tail, until)",
    to: "startReading(sweep.name, sweep.tail)",
  },
  {
    name: "`asOf` is the watermark when the last pages were requested, not now",
    file: "list-scan.ts",
    from: "sweep.asOf = Math.max(reading.asOf(), from)",
    to: "sweep.asOf = Math.max(reading.asOf(), from) + 11",
  },
  {
    name: "the next export repeats a short reading",
    file: "list-scan.ts",
    from: "Math.min(asOf, shortAt, clockSteps.limit()),\n",
    to: "Math.min(asOf, clockSteps.limit()),\n",
  },
  {
    name: "a short reading makes the list short",
    file: "window.ts",
    from: "lack: () => lack,",
    to: "lack: () => undefined,",
  },
  {
    name: "a cursor goes back to the last second that was written",
    file: "window.ts",
    from: "position: () => ({ since: anchor }),",
    to: "position: () => ({ since: anchor + 1 }),",
  },
  {
    name: "a cursor remembers what was short",
    file: "list-scan.ts",
    from: "tail,\n      shortAt,\n",
    to: "tail,\n      shortAt: undefined,\n",
  },
  {
    name: "a query's upper bound is one second after the last second that is read",
    file: "window.ts",
    from: "until === undefined ? undefined : until + 1",
    to: "until",
  },
  {
    name: "a tied second that is gone is requested without an upper bound",
    file: "offset-reading.ts",
    from: 'if (totals.length === 1 && kind === "second") doubts = 0\n    else ended',
    to: "ended",
  },
  {
    name: "a tied second whose upper bound is ignored is short",
    file: "offset-reading.ts",
    from: 'if (end < page.length) ended = "rules"\n    else if',
    to: "if",
  },
  {
    name: "a reading whose since is ignored is short",
    file: "window.ts",
    from: 'if (first !== undefined && first < anchor) next = endWith("rules")',
    to: 'if (false) next = endWith("rules")',
  },
  {
    name: "only rows that are delivered once prove that none is hidden",
    file: "reconciliation.ts",
    from: "isProven ??= counted !== undefined && rowsOfBody >= counted",
    to: "isProven ??= counted !== undefined && rows >= counted",
  },
  {
    name: "members without a date are looked for if dates are doubted",
    file: "reconciliation.ts",
    from: "if (!areDatesDoubted) return undefined",
    to: "if (areDatesDoubted || !areDatesDoubted) return undefined",
  },
  {
    name: "the tail runs again after a check for members without a date",
    file: "reconciliation.ts",
    from: "if (isTailDue) return runTails()",
    to: "",
  },
  {
    name: "what was delivered is compared with what is counted",
    file: "list-scan.ts",
    from: "const remedy = sweep.reconciliation.remedy()",
    to: "const remedy = undefined as ReturnType<typeof sweep.reconciliation.remedy>",
  },
  {
    name: "a second is closed by our own clock as well as by Mailchimp's",
    file: "../mailchimp/mailchimp-clock.ts",
    from: "Math.min(clock.now(), mailchimpMs() ?? clock.now() - marginS * 1000)",
    to: "mailchimpMs() ?? clock.now() - marginS * 1000",
  },
  {
    name: "a second is closed by Mailchimp's clock as well as by our own",
    file: "../mailchimp/mailchimp-clock.ts",
    from: "Math.min(clock.now(), mailchimpMs() ?? clock.now() - marginS * 1000)",
    to: "clock.now()",
  },
  {
    name: "without a Date our own clock counts minus one more margin",
    file: "../mailchimp/mailchimp-clock.ts",
    from: "mailchimpMs() ?? clock.now() - marginS * 1000",
    to: "mailchimpMs() ?? clock.now()",
  },
  {
    name: "members dated ahead are read by offset, not waited for",
    file: "window.ts",
    from: "last !== undefined && last > boundary",
    to: "last !== undefined && last > Infinity",
  },
  {
    name: "dated ahead means ahead of the later clock",
    file: "window.ts",
    from: "lastPossibleSecond(page.sentAt, marginS)",
    to: "lastPossibleSecond({ latest: page.sentAt.earliest }, marginS)",
  },
  {
    name: "members who change after the second before those dated ahead are read",
    file: "window.ts",
    from: "if (until !== lastBeforeAhead || sentAt.latest <= lastBeforeAhead) return undefined",
    to: "if (until !== Number.NaN) return undefined",
  },
  {
    name: "a member dated ahead did not change meanwhile",
    file: "recount.ts",
    from: "page.length > 0 && (page.second(0) ?? 0) <= lastPossibleSecond(page.sentAt, marginS)",
    to: "page.length > 0",
  },
  {
    name: "members dated ahead are read again once the second before them is past",
    file: "window.ts",
    from: "const isPast = sentAt.latest > lastBeforeAhead",
    to: "const isPast = false",
  },
  {
    name: "members before those dated ahead are read after them",
    file: "window.ts",
    from: 'lack = isPast ? "rules" : worse(lack, reading.lack())\n    return {}',
    to: 'lack = isPast ? "rules" : worse(lack, reading.lack())\n    return undefined as unknown as {}',
  },
  {
    name: "no wait is longer than six margins",
    file: "window.ts",
    from: "Math.min(closesAt(last, marginS) - page.sentAt.earliest, maxWaitS - waitedS)",
    to: "closesAt(last, marginS) - page.sentAt.earliest",
  },
  {
    name: "a row without a key is never dropped",
    file: "deduplicate.ts",
    from: "if (isSame && hasId) return true",
    to: "if (isSame) return true",
  },
  {
    name: "a row without a key is counted once",
    file: "deduplicate.ts",
    from: "if (isSame || before !== undefined) again.push(index)",
    to: "if (hasId && before !== undefined) again.push(index)",
  },
  {
    name: "a row with a known id must have the known bytes as well",
    file: "deduplicate.ts",
    from: "before === fingerprint ||",
    to: "before !== undefined ||",
  },
  {
    name: "rows without a key are all read after three equal passes, not one",
    file: "offset-reading.ts",
    from: "const ALIKE = 3",
    to: "const ALIKE = 1",
  },
  {
    name: "a count is wrong only if both directions show the same rows",
    file: "recount.ts",
    from: "else if (isTorn || !isSame(first, pass) || Number.isNaN(totalItems)) tryAgain(page)",
    to: "else if (isTorn || Number.isNaN(totalItems)) tryAgain(page)",
  },
  {
    name: "a recount takes a second from one response",
    file: "recount.ts",
    from: "const { length, isTruncated } = countToTake(page, isEnd)",
    to: "const { length, isTruncated } = { length: page.length, isTruncated: isEnd && false }",
  },
  {
    name: "the rows that both directions show were delivered, or are delivered now",
    file: "recount.ts",
    from: "(delivered && isSame(delivered, first))",
    to: "delivered",
  },
  {
    name: "two empty truncated responses do not prove that there are no rows",
    file: "recount.ts",
    from: "if (isEmptyButCounted && repeats <= MAX_REPEATS) {",
    to: "if (isEmptyButCounted && repeats < 0) {",
  },
  {
    name: "a doubted count is still doubted after a resume",
    file: "list-scan.ts",
    from: "if (doubtedAt !== undefined) reconciliation.doubtCount()",
    to: "",
  },
  {
    name: "no `asOf` is later than the watermark before the clock was put back",
    file: "clock-steps.ts",
    from: "limit: () => limit,",
    to: "limit: () => Infinity,",
  },
  {
    name: "a list that failed alone is read whole by the next export",
    file: "scan.ts",
    from: "(ended.has(list) ? unread(list.id) : list.nextPosition())",
    to: "list.nextPosition()",
  },
]

/**
 * Returns the code of a file without the rule.
 *
 * @throws {Error} if the file does not contain the rule's code exactly once, e.g. after either was changed
 */
export function withoutRule(code: string, { name, from, to }: Rule): string {
  if (code.split(from).length !== 2) throw new Error(`Cannot find the rule's code exactly once: ${name}`)
  return code.replace(from, () => to)
}
