/** Results in the order in which they arrive. */
export type Arrivals<T> = {
  /** Adds a result once it is there. A failure fails whoever takes it. */
  expect(result: Promise<T>): void
  /** How many are expected and have not been taken. */
  pending(): number
  /** How many are there and have not been taken. */
  waiting(): number
  /** The next one to arrive. */
  take(): Promise<T>
}

export function createArrivals<T>(): Arrivals<T> {
  const arrived: Promise<T>[] = []
  let pending = 0
  let wake: (() => void) | undefined

  return {
    expect: (result) => {
      pending += 1
      const arrive = () => {
        arrived.push(result)
        wake?.()
      }
      result.then(arrive, arrive)
    },
    pending: () => pending,
    waiting: () => arrived.length,
    take: async () => {
      while (arrived.length === 0) await new Promise<void>((resolve) => (wake = resolve))
      pending -= 1
      return arrived.shift() ?? Promise.reject(new Error("Cannot take what has not arrived"))
    },
  }
}
