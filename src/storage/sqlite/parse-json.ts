/** The value of a JSON text from a column. Undefined for malformed text, which no schema of a column accepts. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
