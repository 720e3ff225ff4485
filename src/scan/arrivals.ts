/** Results in the order in which they arrive. */
export type Arrivals<T> = {
  /** Adds a result when it arrives. If the promise rejects, the `take()` that returns it rejects. */
  expect(result: Promise<T>): void
  /** Number of results that are expected and have not been taken. */
  pending(): number
  /** Number of results that have arrived and have not been taken. */
  waiting(): number
  /** The next result to arrive. */
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
      return arrived.shift() ?? Promise.reject(new Error("Cannot take a result that has not arrived"))
    },
  }
}
