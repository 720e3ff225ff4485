import { testPosition } from "./test-position.ts"

await testPosition("the tail")
