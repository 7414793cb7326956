/** The process that the launcher starts where no agent runs, able to be killed at any step. */
import "./kill-at-step.ts";
import "#agent/standalone-entry.ts";
