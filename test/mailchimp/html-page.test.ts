import { expect, test } from "bun:test"
import { readHtmlPage } from "../../src/mailchimp/html-page.ts"

const isHtml = new Headers({ "content-type": "text/html; charset=utf-8" })

test.each([
  [
    "Akamai",
    "<HTML><TITLE>Access Denied</TITLE><BODY>Reference&#32;&#35;18&#46;2d351ab8&#46;1557333295&#46;a4e16ab\n",
    { title: "Access Denied", reference: "18.2d351ab8.1557333295.a4e16ab" },
  ],
  [
    "Cloudflare",
    "<title>Attention Required! | Cloudflare</title>Cloudflare Ray ID: <strong>7d3f1a2b4c5d6e7f</strong>",
    { title: "Attention Required! | Cloudflare", reference: "7d3f1a2b4c5d6e7f" },
  ],
  [
    "Imperva, without a title",
    "<body>Request unsuccessful. Incapsula incident ID: 877000040112345678-123456789012345678</body>",
    { reference: "877000040112345678-123456789012345678" },
  ],
  [
    "CloudFront",
    "<TITLE>ERROR: The request could not be satisfied</TITLE><H1>403 ERROR</H1>Request ID: xZ8k_2nQ-1w==",
    { title: "ERROR: The request could not be satisfied", reference: "xZ8k_2nQ-1w==" },
  ],
  [
    "F5",
    "<html><title>Request Rejected</title>Your support ID is: 1234567890123456789<br>",
    { title: "Request Rejected", reference: "1234567890123456789" },
  ],
  [
    "Azure",
    "<h1>Forbidden</h1><p>Ref A: 0A1B2C3D4E5F Ref B: FRAEDGE1011 Ref C: 2026",
    { title: "Forbidden", reference: "0A1B2C3D4E5F" },
  ],
  [
    "nginx",
    "<html>\r\n<head><title>403\r\n Forbidden</title></head><hr>openresty",
    { title: "403 Forbidden" },
  ],
  ["a title with attributes and entities", "<title lang=de>A &amp; B&#x21;</title>", { title: "A & B!" }],
  ["a number that is no character", "<title>A&#9999999;B</title>", { title: "A B" }],
  ["words without a number", "<p>This request was blocked. See our reference documentation", {}],
  ["nothing", "", {}],
])("reads the title and the reference number of a page of %s", (_, html, page) => {
  expect(readHtmlPage(isHtml, html)).toEqual(page)
})

test.each(["<".repeat(65_536), " ".repeat(65_536), "ref ".repeat(16_384), "&#".repeat(32_768)])(
  "a hostile page of one repeated text yields nothing: %#",
  (html) => {
    expect(readHtmlPage(isHtml, html)).toEqual({})
  },
)

test("a body is a page by its Content-Type, or by its beginning without one; JSON is none", () => {
  const page = " \n<HTML><title>No"
  expect(readHtmlPage(new Headers(), page)).toEqual({ title: "No" })
  expect(readHtmlPage(isHtml, "No")).toEqual({})
  expect(readHtmlPage(new Headers(), '{"title":"<html>"}')).toBeUndefined()
})
