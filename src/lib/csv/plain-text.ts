/** `"`, `,`, `;`, line breaks and other control characters. */
const isSpecial = Uint8Array.from({ length: 256 }, (_, byte) =>
  Number(byte < 0x20 || '",;'.includes(String.fromCharCode(byte))),
)

/** Also `=`, `+`, `-` and `@`, and the byte that their full-width forms begin with. */
const isSpecialAtStart = isSpecial.map((special, byte) =>
  special || byte === 0xef || "=+-@".includes(String.fromCharCode(byte)) ? 1 : 0,
)

/**
 * The end of the text that a CSV file may contain as it is: with neither quotes nor formulas to defuse. `stop` ends it, too.
 *
 * @param bytes UTF-8
 * @param start the first byte of a cell
 */
export function plainTextEnd(bytes: Uint8Array, start: number, stop: number): number {
  let end = start
  let byte = bytes[end] ?? 0
  if (isSpecialAtStart[byte] === 1) return end
  while (isSpecial[byte] === 0 && byte !== stop) byte = bytes[(end += 1)] ?? 0
  return end
}
