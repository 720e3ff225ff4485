import type { Allowance } from "../../src/mailchimp/limiter/allowance.ts"

type Numbers = { readonly permits: number; readonly ratePerSecond: number }

/** An allowance that a test can change. */
export function createTestAllowance(atFirst: Partial<Numbers> = {}) {
  let numbers: Numbers = { permits: 10, ratePerSecond: 10, ...atFirst }
  const listeners = new Set<() => void>()
  const allowance: Allowance = {
    permits: () => numbers.permits,
    ratePerSecond: () => numbers.ratePerSecond,
    onChange: (listener) => {
      listeners.add(listener)
      return { [Symbol.dispose]: () => listeners.delete(listener) }
    },
  }
  const change = (to: Partial<Numbers>) => {
    numbers = { ...numbers, ...to }
    for (const listener of listeners) listener()
  }
  return { allowance, change, listeners: () => listeners.size }
}
