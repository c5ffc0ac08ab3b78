/** What a process says about itself: its log (OP-24) and its metrics (OP-22). */
export { createLogger, type Logger, type LoggerOptions, type LogLevel } from "./logger.js";
export { closedLabel, createMetrics, type Metrics, type MetricsOptions } from "./metrics.js";
export { scrub } from "./scrub.js";
