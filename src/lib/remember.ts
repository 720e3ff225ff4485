/** Keeps the results for the last texts, at most `max` of them, for a function that is often called with the same text. */
export function remember<T extends object | string>(
  max: number,
  convert: (text: string) => T,
): (text: string) => T {
  const results = new Map<string, T>()
  return (text) => {
    let result = results.get(text)
    if (result === undefined) {
      result = convert(text)
      if (results.size === max) results.clear()
      results.set(text, result)
    }
    return result
  }
}
