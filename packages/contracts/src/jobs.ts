/** What an agent queue's job carries: ids and what a dashboard should show; never a secret (QU-2). */
import { z } from "zod";

export const runJobDataSchema = z.object({
  runId: z.string(),
  companyId: z.string(),
  agentId: z.string(),
  agentName: z.string(),
  issueIdentifier: z.string().nullable(),
  wakeReason: z.string().nullable(),
  source: z.string(),
  /** 0 for a first run, else the number of the scheduled retry. */
  attempt: z.number().int(),
});
export type RunJobData = z.infer<typeof runJobDataSchema>;
