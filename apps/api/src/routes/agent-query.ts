/** The query of routes that name an agent in their path: a short name needs a company (API-5). */
import { z } from "zod";
import { guidQuery } from "../http/query-fields.js";

export const agentQuery = z.object({ companyId: guidQuery });
