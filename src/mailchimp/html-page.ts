/** Whether a body is a page instead of Mailchimp's JSON, by its header or by its beginning. */
export function isHtml(headers: Headers, text: string): boolean {
  return (headers.get("content-type") ?? "").includes("text/html") || text.trimStart().startsWith("<")
}

/** More than what a page says before its reference number, and less than is costly to search. */
const longestPage = 32_768

/**
 * What a page of a gateway tells of itself: its title, and the number by which its operator finds the request. Akamai
 * calls it a reference, Imperva an incident, Cloudflare a ray, AWS a request, F5 a support ID.
 */
export function readHtmlPage(html: string): { readonly title?: string; readonly reference?: string } {
  const page = html.slice(0, longestPage)
  const title = textOf(/<title[^<>]*>([^<]*)/i.exec(page)?.[1] ?? /<h1[^<>]*>([^<]*)/i.exec(page)?.[1] ?? "")
  const reference = [...textOf(page.replaceAll(/<[^<>]*>/g, " ")).matchAll(references)]
    .map(([, number = ""]) => number)
    .find((number) => /\d/.test(number))
  return { ...(title !== "" && { title }), ...(reference !== undefined && { reference }) }
}

const references =
  /\b(?:reference|ref|incident|ray|request|support|event|transaction) ?(?:id|number|no\.?|[a-c])?(?: is)? ?[:#]? ?#? ?([a-z0-9][\w.+/=-]{7,99})/gi

/** Akamai writes all of a reference's points as entities. */
function textOf(html: string): string {
  return html
    .replaceAll(/&#(x[0-9a-f]{1,6}|[0-9]{1,7});/gi, (_, code: string) => toCharacter(Number(`0${code}`)))
    .replaceAll("&nbsp;", " ")
    .replaceAll("&amp;", "&")
    .replaceAll(/\s+/g, " ")
    .trim()
}

function toCharacter(codePoint: number): string {
  return codePoint <= 0x10ffff ? String.fromCodePoint(codePoint) : " "
}
