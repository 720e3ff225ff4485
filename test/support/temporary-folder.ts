import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"

/** A new private folder, and a way to remove it. */
export function temporaryFolder() {
  const path = mkdtempSync(join(tmpdir(), "mailchimp-export-"))
  return { path, remove: () => rmSync(path, { recursive: true, force: true }) }
}
