/**
 * A signal that aborts when the first of the given signals does, with the same reason. Disposing of it removes its
 * listeners. A signal from `AbortSignal.any` has no such way: long-lived signals keep it.
 */
export function anySignal(...signals: readonly AbortSignal[]): Disposable & { readonly signal: AbortSignal } {
  const controller = new AbortController()
  const leave = () => {
    for (const signal of signals) signal.removeEventListener("abort", onAbort)
  }
  const onAbort = () => {
    leave()
    controller.abort(signals.find(({ aborted }) => aborted)?.reason)
  }
  for (const signal of signals) signal.addEventListener("abort", onAbort, { once: true })
  if (signals.some(({ aborted }) => aborted)) onAbort()
  return { signal: controller.signal, [Symbol.dispose]: leave }
}
