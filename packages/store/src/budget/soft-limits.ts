/**
 * The soft limits that a running run is to know of (BY-6): its scope's budgets with an open soft incident in the current
 * window. Read along with what is asked about its token anyway, so that telling an agent costs no statement.
 */
import type { BudgetScopeType } from "@wakefleet/contracts";
import { BOOKED_PROJECT } from "./policies.js";

/** A budget whose warning threshold was passed. */
export interface SoftLimit {
  readonly scopeType: BudgetScopeType;
  /** Booked and in flight when the threshold was passed, cents. */
  readonly spentCents: number;
  readonly limitCents: number;
}

/** SQL: the soft limits of run `r`, a JSON list of {@link SoftLimit}: of the company, the agent, the project (BU-33). */
export const SOFT_LIMITS_OF_RUN = `coalesce(
  (SELECT jsonb_agg(jsonb_build_object('scopeType', i.scope_type, 'spentCents', i.amount_observed,
            'limitCents', i.amount_limit) ORDER BY array_position(ARRAY['company','agent','project'], i.scope_type), i.id)
     FROM budget_incidents i
    WHERE r.status = 'running' AND i.company_id = r.company_id AND i.status = 'open' AND i.threshold_type = 'soft'
      AND now() >= i.window_start AND now() < i.window_end
      AND CASE i.scope_type WHEN 'company' THEN i.scope_id = r.company_id WHEN 'agent' THEN i.scope_id = r.agent_id
          ELSE i.scope_id = ${BOOKED_PROJECT} END), '[]'::jsonb)`;
