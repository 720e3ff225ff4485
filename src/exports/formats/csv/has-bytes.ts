/** Whether `bytes` come next in `json`. */
export function hasBytes(json: Uint8Array, start: number, bytes: Uint8Array): boolean {
  for (let index = 0; index < bytes.length; index += 1) if (json[start + index] !== bytes[index]) return false
  return true
}
