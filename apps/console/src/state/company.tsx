/** The company whose agents and runs are shown. Keys of one company have no choice; others choose, and it is remembered. */
import { type ComponentChildren, createContext, type JSX } from "preact";
import { useCallback, useContext, useEffect, useState } from "preact/hooks";
import { read } from "../api/http.js";
import type { Company } from "../api/shapes.js";
import { type Loaded, useLoaded } from "./use-loaded.js";

export interface CompanyChoice {
  readonly companies: readonly Company[];
  /** Null while nothing is known, and when there is no company yet. */
  readonly company: Company | null;
  readonly choose: (id: string) => void;
  readonly loading: Loaded<readonly Company[]>;
}

const REMEMBERED = "wakefleet.company";

const Choice = createContext<CompanyChoice | null>(null);

/** The choice. Must be called below `CompanyProvider`. */
export function useCompany(): CompanyChoice {
  const choice = useContext(Choice);
  if (choice === null) throw new Error("useCompany was called outside of CompanyProvider");
  return choice;
}

export function CompanyProvider({ children }: { children: ComponentChildren }): JSX.Element {
  const loading = useLoaded("companies", async (signal) => {
    return (await read<readonly Company[]>("/api/companies", signal)).body;
  });
  const [chosen, setChosen] = useState<string | null>(() => localStorage.getItem(REMEMBERED));
  const choose = useCallback((id: string) => {
    localStorage.setItem(REMEMBERED, id);
    setChosen(id);
  }, []);
  const companies = loading.value ?? [];
  const company = companies.find((one) => one.id === chosen) ?? companies[0] ?? null;
  return <Choice.Provider value={{ companies, company, choose, loading }}>{children}</Choice.Provider>;
}

/** Shows what belongs to a company by choosing that company: a link may lead to another one's run. */
export function useShownCompany(companyId: string | undefined): void {
  const { company, choose, companies } = useCompany();
  useEffect(() => {
    if (companyId === undefined || company === null || company.id === companyId) return;
    if (companies.some((one) => one.id === companyId)) choose(companyId);
    // Only a new page moves the choice; choosing by hand on the same page stands.
  }, [companyId, companies.length]);
}
