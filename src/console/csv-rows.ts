const newline = 10
const quote = 34

/** Counts the rows of a CSV as it arrives: neither its header nor the newlines inside of a quoted value. */
export function createCsvRowCounter() {
  let isInHeader = true
  let isQuoted = false
  /** Returns how many rows end in these bytes. */
  return (bytes: Uint8Array): number => {
    let rows = 0
    let nextQuote = bytes.indexOf(quote)
    for (let at = 0; ;) {
      const end = isQuoted ? -1 : bytes.indexOf(newline, at)
      if (nextQuote !== -1 && (end === -1 || nextQuote < end)) {
        // A quote inside of a value is doubled, so the value continues after the second.
        isQuoted = !isQuoted
        at = nextQuote + 1
        nextQuote = bytes.indexOf(quote, at)
        continue
      }
      if (end === -1) return rows
      if (isInHeader) isInHeader = false
      else rows += 1
      at = end + 1
    }
  }
}
