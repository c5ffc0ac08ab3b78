/** FI-6, RT-1 to RT-6 on real stores: a transient failure comes again by its schedule, moved by the clock, not by waiting. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
