/**
 * Polls until something has happened that nothing signals. Ends a test with a sentence instead of the test's time-out.
 *
 * @param what what should happen, as a noun phrase: "the end of every request"
 */
export async function until(
  what: string,
  hasHappened: () => boolean | Promise<boolean>,
  options: { readonly withinS?: number; readonly everyMs?: number } = {},
): Promise<void> {
  const { withinS = 20, everyMs = 1 } = options
  const deadlineMs = performance.now() + withinS * 1000
  while (!(await hasHappened())) {
    if (performance.now() > deadlineMs) throw new Error(`${what} did not happen within ${withinS} s`)
    await Bun.sleep(everyMs)
  }
}
