import type { MemberInput } from "./create-member.ts"

/** The merge field of hostile members that is not one of every list's. */
export const hostileMergeField = { tag: "COMPANY", name: "Company", type: "text" }

/**
 * Members whose values look like the JSON around them, or break a careless parser, splitter or writer of JSON. On the
 * wire each member is valid JSON.
 */
export function createHostileMembers(): MemberInput[] {
  return hostileTexts.map((text, index) => ({
    email_address: `hostile.${index}@example.com`,
    merge_fields: {
      FNAME: text,
      LNAME: `${text}${text}`,
      COMPANY: text,
      POINTS: index % 2 === 0 ? 1e21 : -0.5,
    },
    source: text,
    tags: [{ id: index, name: text }],
  }))
}

const hostileTexts = [
  '},{"id":"',
  '"}],"total_items":0,"_links":[]}',
  '{"members":[{"id":"00000000000000000000000000000000"}]}',
  '\\"},{\\"id\\":\\"',
  '"',
  "\\",
  '\\\\"',
  "{}[],:",
  "line one\nline two\r\nline three\ttabbed",
  "\u2028 and \u2029",
  "\u0000 and \u001f and \u007f",
  // JSON escapes a lone surrogate, because UTF-8 cannot encode it.
  "\ud800",
  "\udfff before \ud83d",
  "\ufeffbyte order mark",
  "👩‍👩‍👧‍👦 Z͑ͫ̓ͪ̂ͫ̽͏̴̙̤̞͉͚̯̞̠͍A ﷽",
  '=HYPERLINK("http://example.com")',
  "</script><script>alert(1)</script>",
  '$export","code":"x',
  "é".repeat(20_000),
  '},{"id":"'.repeat(500),
]
