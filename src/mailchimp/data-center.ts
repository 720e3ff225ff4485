/** Whether a text names a data center, such as `us19`. It becomes part of a host name, so nothing else may pass. */
export function isDataCenter(text: string): boolean {
  return /^[a-z]+\d+$/.test(text)
}
