/**
 * A signal that aborts with the first of the given ones, and with its reason. Once it is disposed of, it listens to none
 * of them, unlike one of `AbortSignal.any`, which long-lived signals keep.
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
