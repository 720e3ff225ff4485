import { consume } from "./consume.js"

globalThis.consume = consume
