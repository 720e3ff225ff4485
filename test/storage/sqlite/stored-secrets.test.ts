import { storedSecretsContract } from "../../contracts/stored-secrets.ts"
import { sqliteUnderTest } from "../../support/storage-under-test.ts"

storedSecretsContract("SQLite", () => sqliteUnderTest(), 501)
