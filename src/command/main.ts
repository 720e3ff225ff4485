#!/usr/bin/env node
// The command as it is installed, on Node 20 or later and on Bun: one file, without the service and the sandbox.
import { startCommand } from "./start-command.ts"

await startCommand()
