/** Whether a text is the name of a data center, such as `us19`. The name becomes part of a host name. */
export function isDataCenter(text: string): boolean {
  return /^[a-z]+\d+$/.test(text)
}
