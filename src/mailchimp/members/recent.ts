/** Values by key, of which the least recently used are dropped. */
export type Recent<T> = {
  /** The value of a key; a new one from `create` if there is none, or not any more. */
  get(key: string, create: () => T): T
}

/** Keeps at most `max` values. */
export function createRecent<T>(max: number): Recent<T> {
  // A Map keeps the order of insertion, so the first key is the least recently used.
  const values = new Map<string, T>()

  return {
    get: (key, create) => {
      const value = values.get(key) ?? create()
      values.delete(key)
      values.set(key, value)
      const [oldest] = values.keys()
      if (values.size > max && oldest !== undefined) values.delete(oldest)
      return value
    },
  }
}
