/** Values by key, of which those that were not used for longest are forgotten. */
export type Recent<T> = {
  /** The value of a key, made by `create` if it is not known, or not any more. */
  get(key: string, create: () => T): T
}

/** Keeps at most `most` values. */
export function createRecent<T>(most: number): Recent<T> {
  // A map is in the order of insertion, so the first key is the one that was not used for longest.
  const values = new Map<string, T>()

  return {
    get: (key, create) => {
      const value = values.get(key) ?? create()
      values.delete(key)
      values.set(key, value)
      const [oldest] = values.keys()
      if (values.size > most && oldest !== undefined) values.delete(oldest)
      return value
    },
  }
}
