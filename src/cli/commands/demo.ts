/** `podwire demo` */
import { Command, InvalidArgumentError, Option } from "commander";
import { CliError, EXIT_CODES } from "../cli-error.ts";
import { demoFolderPath } from "../demo/demo-folder.ts";
import { keepDemo, takeDown } from "../demo/keep-demo.ts";
import { type DemoReport, formatReport } from "../demo/report.ts";
import { requireAllOk, runDemo } from "../demo/run-demo.ts";

interface DemoCommandOptions {
  readonly withoutAgent?: true;
  readonly keep?: true;
  readonly down?: true;
  readonly output?: "json";
  readonly timeout: number;
  readonly quiet?: true;
}

export function demoCommand(): Command {
  return new Command("demo")
    .description(
      "Shows on this machine, without touching its network, what the plugins do: a node made of namespaces, whose real " +
        "containerd runs two pods with them; packets between the pods, to the outside and back; and the kernel's proof.",
    )
    .option("--keep", "leave it up to look around in it")
    .addOption(new Option("--down", "take down what --keep left up").conflicts(["keep", "output"]))
    .option("--without-agent", "let each plugin run in a process of its own")
    .addOption(new Option("-o, --output <format>", "print as").choices(["json"]))
    .option("--timeout <seconds>", "give up when it is not done by then", parseSeconds, 60)
    .option("-q, --quiet", "no progress on stderr")
    .addHelpText("after", "\nExample:\n  sudo podwire demo --keep\n  sudo podwire demo --down")
    .action(run);
}

async function run(options: DemoCommandOptions): Promise<void> {
  if (process.getuid?.() !== 0) {
    const why = "it makes network namespaces, which needs root";
    throw new CliError("machine", { what: "Cannot run the demo", why, next: "run: sudo podwire demo" });
  }
  const interrupted = new AbortController();
  for (const name of ["SIGINT", "SIGTERM"] as const) process.on(name, () => interrupted.abort());
  const { signal } = interrupted;
  const say = (line: string): unknown => options.quiet || process.stderr.write(`podwire: ${line}\n`);
  const folder = demoFolderPath(process.env);
  if (options.down) {
    const wasUp = await takeDown(folder, AbortSignal.any([signal, AbortSignal.timeout(options.timeout * 1000)]));
    say(wasUp ? "the demo is down" : "no demo was up");
    return;
  }
  const request = { withAgent: !options.withoutAgent, folder, timeoutMs: options.timeout * 1000 };
  if (!options.keep) return finish(await runDemo(request, { say, signal }), options);
  const outcome = await keepDemo(request, { say, signal });
  if (outcome.kind === "kept") return finish(outcome.report, options);
  process.stderr.write(outcome.text);
  process.exitCode = outcome.exitCode;
}

function finish(report: DemoReport, { output }: DemoCommandOptions): void {
  process.stdout.write(output === "json" ? `${JSON.stringify(report, undefined, 2)}\n` : formatReport(report));
  requireAllOk(report);
  process.exitCode = EXIT_CODES.ok;
}

function parseSeconds(text: string): number {
  const seconds = Number(text);
  if (!(seconds > 0)) throw new InvalidArgumentError("It must be a number above 0.");
  return seconds;
}
