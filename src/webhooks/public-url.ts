import { BlockList, isIP } from "node:net"

/** Addresses that no other network reaches: https://www.iana.org/assignments/iana-ipv4-special-registry and its sibling. */
const notPublic = new BlockList()
const subnets = [
  ["0.0.0.0", 8],
  ["10.0.0.0", 8],
  ["100.64.0.0", 10],
  ["127.0.0.0", 8],
  ["169.254.0.0", 16],
  ["172.16.0.0", 12],
  ["192.168.0.0", 16],
] as const
for (const [address, prefix] of subnets) notPublic.addSubnet(address, prefix, "ipv4")
for (const [address, prefix] of [
  ["::", 127],
  ["fc00::", 7],
  ["fe80::", 10],
] as const)
  notPublic.addSubnet(address, prefix, "ipv6")

/** Whether Mailchimp could reach a URL, as far as its host says. Nothing is looked up. */
export function isPublicUrl(url: string): boolean {
  const host = hostOf(url)
  const version = isIP(host)
  if (version !== 0) return !notPublic.check(host, version === 4 ? "ipv4" : "ipv6")
  // A name without a dot, and these top-level domains, are known to one network only.
  return host.includes(".") && !/\.(localhost|local|internal|lan|home\.arpa)$/.test(host)
}

/** Whether a URL is on this machine, as that of a sandbox is. */
export function isLoopbackUrl(url: string): boolean {
  const host = hostOf(url)
  return host === "localhost" || host === "::1" || (isIP(host) === 4 && host.startsWith("127."))
}

/** Parsing a URL brings every spelling of an address into one form. */
function hostOf(url: string): string {
  return new URL(url).hostname.replace(/^\[(.*)\]$/, "$1").replace(/\.$/, "")
}
