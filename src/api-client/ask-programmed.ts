/** Asks every node how far it is; see #api/programmed/question.ts. */
import { isApiError } from "#api/api-error.ts";
import { type Lease, lease as leaseKind } from "#api/kinds/lease.ts";
import { formatQuestion, type Question } from "#api/programmed/question.ts";
import type { ApiClient } from "./api-client.ts";

const DEFAULT_SECONDS = 60;

/** Answers the version of the question. */
export async function askProgrammed(
  client: ApiClient,
  { asker, seconds = DEFAULT_SECONDS, now = new Date() }: Partial<Question> & Pick<Question, "asker">,
  signal: AbortSignal,
): Promise<number> {
  const { metadata, spec } = formatQuestion({ asker, seconds, now });
  const renew = (): Promise<Lease> =>
    client.patch(leaseKind, metadata, { type: "merge", body: { spec }, fieldManager: asker }, signal);
  const question = await renew().catch(async (error: unknown) => {
    if (!isApiError(error, "NotFound")) throw error;
    return await client.create(leaseKind, { metadata, spec }, signal).catch((late: unknown) => {
      if (isApiError(late, "AlreadyExists")) return renew();
      throw late;
    });
  });
  return Number(question.metadata.resourceVersion);
}
