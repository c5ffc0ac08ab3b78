export { redactAdapterConfig, redactObject, redactSecrets, redactText } from "./redact.js";
export { isSecretEnvName, isSecretKey } from "./secret-names.js";
export {
  mapTexts,
  type SecretValueRedactor,
  SHORTEST_REDACTED_VALUE,
  type StreamRedactor,
  secretValueRedactor,
} from "./secret-values.js";
