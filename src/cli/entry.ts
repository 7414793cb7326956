/** Start of the command line: switches on Node's compile cache before anything large is loaded. */
import { enableCompileCache } from "node:module";
import { join } from "node:path";

enableCompileCache(join(import.meta.dirname, "../../build/compile-cache"));
const { main } = await import("./main.ts");
process.exitCode = await main(process.argv.slice(2));
