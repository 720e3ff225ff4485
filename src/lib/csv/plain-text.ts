/** All but `"`, `,`, `;`, the backslash, line breaks and other control characters. */
const isPlain = Uint8Array.from({ length: 256 }, (_, byte) =>
  Number(byte >= 0x20 && !'",;\\'.includes(String.fromCharCode(byte))),
)

/**
 * The end of the text that needs neither a parser of JSON nor quotes in a CSV file, and has no formula but at its start.
 *
 * @param bytes UTF-8
 */
export function plainTextEnd(bytes: Uint8Array, start: number): number {
  let end = start
  // Past the end of `bytes` there is no entry of the table either.
  while (isPlain[bytes[end] ?? 0] === 1) end += 1
  return end
}
