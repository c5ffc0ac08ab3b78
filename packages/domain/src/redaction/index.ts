export { redactAdapterConfig, redactObject, redactSecrets, redactText } from "./redact.js";
export { isSecretEnvName, isSecretKey } from "./secret-names.js";
