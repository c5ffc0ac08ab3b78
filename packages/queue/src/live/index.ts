/** Live events over Redis: published by every process, kept for those who come back, handed to those who listen. */
export {
  createLiveEventPublisher,
  type LiveEventPublisherOptions,
  type LiveRetention,
  type RedisLiveEventPublisher,
} from "./live-event-publisher.js";
export {
  createLiveEventReader,
  type LiveEventReader,
  type LiveEventReaderOptions,
  type SubscribeOptions,
} from "./live-event-reader.js";
export type { LiveEventFilter } from "./live-filter.js";
export type { LiveSubscription, LiveSubscriptionEnd } from "./live-subscription.js";
export { liveEventJson } from "./stamped-event.js";
