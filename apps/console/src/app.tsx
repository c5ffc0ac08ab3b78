/** The frame around every page: the way between them, the company, whether events arrive, keys. */
import type { JSX } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { CompanyEvents, type Connection, useConnection } from "./live/company-events.js";
import { Link, navigate, type Place, placeOf, useAddress } from "./navigation.js";
import { AgentPage } from "./pages/agent-page.js";
import { AgentsPage } from "./pages/agents-page.js";
import { FleetPage } from "./pages/fleet-page.js";
import { IssuePage } from "./pages/issue-page.js";
import { RunPage } from "./pages/run-page.js";
import { RunsPage } from "./pages/runs-page.js";
import { Empty, Problem, Toasts } from "./parts/feedback.js";
import { Keyboard } from "./parts/keyboard.js";
import { CompanyProvider, useCompany } from "./state/company.js";

const WAYS = [
  ["/", "Fleet", ["fleet"]],
  ["/agents", "Agents", ["agents", "agent"]],
  ["/runs", "Runs", ["runs", "run", "issue"]],
] as const;

const TITLES: Readonly<Record<Place["page"], string>> = {
  fleet: "Fleet",
  agents: "Agents",
  agent: "Agent",
  runs: "Runs",
  run: "Run",
  issue: "Issue",
  unknown: "Not found",
};

export function App(): JSX.Element {
  return (
    <Toasts>
      <CompanyProvider>
        <Frame />
      </CompanyProvider>
    </Toasts>
  );
}

function Frame(): JSX.Element {
  const { path, query } = useAddress();
  const { company } = useCompany();
  const place = placeOf(path);
  const main = useRef<HTMLElement>(null);
  const [isHelpOpen, setIsHelpOpen] = useState(false);
  const isFirst = useRef(true);
  useEffect(() => {
    document.title = `${TITLES[place.page]} · Wakefleet`;
    // Whoever listens to the page instead of seeing it is told that it changed.
    if (!isFirst.current) main.current?.focus({ preventScroll: true });
    isFirst.current = false;
  }, [path]);

  return (
    <CompanyEvents companyId={company?.id ?? null}>
      <a class="skip" href="#main">
        To the content
      </a>
      <header class="bar">
        <Link href="/" class="brand">
          Wakefleet
        </Link>
        <nav aria-label="Pages">
          {WAYS.map(([to, name, pages]) => (
            <Link
              key={to}
              href={to}
              aria-current={(pages as readonly string[]).includes(place.page) ? "page" : undefined}
            >
              {name}
            </Link>
          ))}
          <a href="/queues">Queues</a>
          <a href="/docs">API</a>
        </nav>
        <span class="grow" />
        <CompanySwitch />
        <LiveSign />
        <button type="button" class="plain help" aria-label="Keys" onClick={() => setIsHelpOpen(true)}>
          ?
        </button>
        <a class="button plain" href="/logout">
          Log out
        </a>
      </header>
      <main id="main" ref={main} tabIndex={-1}>
        <NoCompany />
        <Page place={place} query={query} />
      </main>
      <Keyboard isHelpOpen={isHelpOpen} onHelp={setIsHelpOpen} />
    </CompanyEvents>
  );
}

function Page({ place, query }: { place: Place; query: URLSearchParams }): JSX.Element {
  switch (place.page) {
    case "fleet":
      return <FleetPage />;
    case "agents":
      return <AgentsPage query={query} />;
    case "agent":
      return <AgentPage key={place.id} id={place.id} />;
    case "runs":
      return <RunsPage query={query} />;
    case "run":
      return <RunPage key={place.id} id={place.id} />;
    case "issue":
      return <IssuePage key={place.id} id={place.id} />;
    case "unknown":
      return (
        <>
          <h1>Not found</h1>
          <Empty>
            Nothing is at this address. <Link href="/">To the fleet</Link>
          </Empty>
        </>
      );
  }
}

const OF_A_COMPANY = new Set(["/", "/agents", "/runs"]);

function CompanySwitch(): JSX.Element | null {
  const { companies, company, choose } = useCompany();
  if (company === null) return null;
  if (companies.length === 1) return <span class="company">{company.name}</span>;
  return (
    <select
      class="company"
      aria-label="Company"
      value={company.id}
      onChange={(event) => {
        choose(event.currentTarget.value);
        // What is open belongs to the company before.
        if (!OF_A_COMPANY.has(location.pathname)) navigate("/");
      }}
    >
      {companies.map((one) => (
        <option key={one.id} value={one.id}>
          {one.name}
        </option>
      ))}
    </select>
  );
}

function NoCompany(): JSX.Element | null {
  const { company, loading } = useCompany();
  if (loading.problem !== null) return <Problem problem={loading.problem} retry={loading.reload} />;
  if (company !== null || loading.value === null) return null;
  return (
    <Empty>
      There is no company yet. Make one with <span class="code">POST /api/companies</span>, then agents in it; the{" "}
      <a href="/docs">API's page</a> shows how.
    </Empty>
  );
}

const LIVE_TEXT: Readonly<Record<Connection, string>> = {
  connecting: "connecting",
  live: "live",
  away: "reconnecting",
};

function LiveSign(): JSX.Element {
  const connection = useConnection();
  return (
    <span class="live" data-state={connection} role="status" title="Whether live events arrive">
      {LIVE_TEXT[connection]}
    </span>
  );
}
