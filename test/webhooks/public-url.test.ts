import { expect, test } from "bun:test"
import { isLoopbackUrl, isPublicUrl } from "../../src/webhooks/public-url.ts"

test.each([
  "https://export.example.com",
  "http://8.8.8.8:8080",
  "https://[2606:4700::1111]",
  "https://172.32.0.1",
  "https://localhost.example.com",
])("Mailchimp could reach %s", (url) => expect(isPublicUrl(url)).toBe(true))

test.each([
  "http://localhost:3000",
  "http://app.localhost",
  "http://export",
  "http://printer.local",
  "http://db.internal.",
  "http://127.0.0.1",
  "http://127.1",
  "http://0x7f000001",
  "http://10.1.2.3",
  "http://172.16.0.1",
  "http://172.31.255.255",
  "http://192.168.1.1",
  "http://169.254.169.254",
  "http://100.64.0.1",
  "http://0.0.0.0",
  "http://[::1]",
  "http://[::]",
  "http://[fd00::1]",
  "http://[fe80::1]",
  "http://[::ffff:10.0.0.1]",
])("Mailchimp cannot reach %s", (url) => expect(isPublicUrl(url)).toBe(false))

test("a loopback URL is one of this machine", () => {
  for (const url of ["http://127.0.0.1:1/3.0", "http://127.9.9.9", "http://localhost", "http://[::1]:1"])
    expect([url, isLoopbackUrl(url)]).toEqual([url, true])
  for (const url of ["https://{dc}.api.mailchimp.com/3.0", "http://10.0.0.1", "http://127.example.com"])
    expect([url, isLoopbackUrl(url)]).toEqual([url, false])
})
