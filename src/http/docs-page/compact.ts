const blocks =
  "p|div|ul|li|h[1-6]|section|dl|dt|dd|table|thead|tbody|tr|th|td|details|summary|form|nav|main|header|pre|template|option|select"

/** The same page without what HTML does not need: indentation, lines between blocks, some end tags and quotes. */
export function compact(page: string): string {
  return page
    .replaceAll(/\s*\n\s*/g, "\n")
    .replaceAll(new RegExp(String.raw`\n?(</?(?:${blocks})\b[^>]*>)\n?`, "g"), "$1")
    .replaceAll("\n", " ")
    .replaceAll(/<\/(?:p|td|tr|th|dt|dd|li|option|tbody|thead)>/g, "")
    .replaceAll(/<[a-z][^>]*>/g, (tag) => tag.replaceAll(/="([\w#-]+)"/g, "=$1"))
    .replaceAll("&#39;", "'")
    .replaceAll(/<pre>[^<]*/g, (text) => text.replaceAll("&quot;", '"'))
}
