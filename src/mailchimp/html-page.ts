/** A reference number comes before this in any known page, and a text of this length is cheap to search. */
const longestPage = 32_768

/** A gateway's page: its title, and the number by which the gateway's operator finds the request. */
export type HtmlPage = { readonly title?: string; readonly reference?: string }

/**
 * Reads a body that is an HTML page instead of Mailchimp's JSON, by its Content-Type or its beginning; undefined if it is
 * none. Akamai calls the number a reference, Imperva an incident, Cloudflare a ray, AWS a request, F5 a support ID.
 */
export function readHtmlPage(headers: Headers, text: string): HtmlPage | undefined {
  const isHtml = headers.get("content-type")?.includes("text/html") || text.trimStart().startsWith("<")
  if (!isHtml) return undefined
  const page = text.slice(0, longestPage)
  const title = textOf(/<title[^<>]*>([^<]*)/i.exec(page)?.[1] ?? /<h1[^<>]*>([^<]*)/i.exec(page)?.[1] ?? "")
  const reference = [...textOf(page.replaceAll(/<[^<>]*>/g, " ")).matchAll(references)]
    .map(([, number = ""]) => number)
    .find((number) => /\d/.test(number))
  return { ...(title !== "" && { title }), ...(reference !== undefined && { reference }) }
}

const references =
  /\b(?:reference|ref|incident|ray|request|support|event|transaction) ?(?:id|number|no\.?|[a-c])?(?: is)? ?[:#]? ?#? ?([a-z0-9][\w.+/=-]{7,99})/gi

/** Decodes numeric entities, because Akamai writes the periods of a reference as such. */
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
