export { type Running, runService, type ServiceParts } from "./run-service.js";
