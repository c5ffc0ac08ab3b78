export { type ChangedIssue, type ChangeIssueCommand, changeIssue } from "./change-issue.js";
export { type ChangeIssuePartCommand, changeIssuePart, type IssuePart } from "./change-issue-part.js";
export { type CheckoutCommand, checkoutIssue } from "./checkout-issue.js";
export { type CommentCommand, commentOnIssue } from "./comment-on-issue.js";
export { type CreateChildCommand, type CreateIssueCommand, createChildIssue, createIssue } from "./create-issue.js";
export { deleteIssue } from "./delete-issue.js";
export { type ForcedRelease, forceReleaseIssue, handBackIssue } from "./hand-back-issue.js";
export type { AgentCaller, BoardCaller, IssueCaller } from "./issue-caller.js";
export type { IssueDeps } from "./issue-change.js";
