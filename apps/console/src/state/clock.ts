/** The time as state, for ages that grow while one looks at them. */
import { useEffect, useState } from "preact/hooks";

/** Milliseconds of the epoch, once a second while the page is visible. */
export function useNow(): number {
  const [now, setNow] = useState(Date.now());
  useEffect(() => {
    const timer = setInterval(() => {
      if (!document.hidden) setNow(Date.now());
    }, 1_000);
    return () => clearInterval(timer);
  }, []);
  return now;
}
