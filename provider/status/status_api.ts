import type { Router } from '@koa/router';
import type { Context } from 'koa';
import { HubError } from '../errors.ts';
import type { BearerGuard } from '../oidc/bearer_guard.ts';
import { STATUS_CHECK } from '../oidc/own_resources.ts';
import { countCall, type RateLimit } from '../operations/rate_limit.ts';
import { readJsonBody } from '../web/read_json_body.ts';
import { describeStatusApi } from './openapi.ts';
import type { StatusCheck } from './status_check.ts';
import { MAX_SUBJECTS, type StatusAnswer, statusQuestion } from './status_messages.ts';
import type { SubjectStatus } from './status_rules.ts';

/** Bytes: 1,000 identifiers of ours take 30 kB. */
const BODY_LIMIT = 64 * 1024;

/** `POST /status-check` for relying parties' servers, and its description. Errors become JSON in http_app.ts. */
export function mountStatusApi(
  router: Router,
  world: {
    readonly statusCheck: StatusCheck;
    readonly bearer: BearerGuard;
    /** By client id: whoever authenticates is somebody whom the operator knows. */
    readonly limit: RateLimit;
    readonly issuer: string;
  },
): void {
  const { statusCheck, bearer, limit, issuer } = world;
  const description = describeStatusApi(issuer);

  router.post(STATUS_CHECK.path, async (ctx) => {
    const holder = await bearer.holder(ctx, STATUS_CHECK, STATUS_CHECK.scopes);
    ctx.state.relyingParty = holder.clientId;
    countCall(limit, holder.clientId);
    const subjects = readSubjects(await readJsonBody(ctx, BODY_LIMIT));
    const { checkedAt, answers } = await statusCheck.check(holder, subjects, `client:${holder.clientId}`);
    answer(ctx, {
      checked_at: seconds(checkedAt),
      results: subjects.map((subject, place) => resultOf(subject, answers[place])),
    });
  });

  router.get('/openapi/status-check.json', (ctx) => {
    ctx.set('Cache-Control', 'public, max-age=3600');
    ctx.body = description;
  });
}

function readSubjects(body: unknown): readonly string[] {
  const read = statusQuestion.safeParse(body);
  if (read.success) return read.data.subjects;
  const [issue] = read.error.issues;
  const where = issue?.path.join('.') || 'the body';
  throw new HubError(
    'invalid_request',
    400,
    `${where}: ${issue?.message ?? 'not valid'}. Send {"subjects": ["…"]} with 1 to ${MAX_SUBJECTS} identifiers.`,
  );
}

function answer(ctx: Context, body: StatusAnswer): void {
  ctx.set('Cache-Control', 'no-store');
  ctx.body = body;
}

function resultOf(subject: string, found: SubjectStatus = { status: 'unknown' }): StatusAnswer['results'][number] {
  const { status, attributes, asOf, source } = found;
  return {
    subject,
    status,
    ...(attributes && { attributes }),
    ...(asOf !== undefined && { as_of: seconds(asOf) }),
    ...(source && { source }),
  };
}

function seconds(milliseconds: number): number {
  return Math.floor(milliseconds / 1000);
}
