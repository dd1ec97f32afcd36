import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { answerEndpoint, browserEndpoint } from '../../../provider/saml/logout/endpoints.ts';
import { judgeLogoutRequest } from '../../../provider/saml/logout/judge_logout_request.ts';
import {
  ask,
  clientsNotTold,
  end,
  giveUp,
  type Logout,
  nextVisit,
  takeAnswer,
} from '../../../provider/saml/logout/logout.ts';
import type { LogoutRequest } from '../../../provider/saml/messages.ts';
import { NAME_ID_FORMATS, STATUS } from '../../../provider/saml/names.ts';
import type { Endpoint } from '../../../provider/saml/service_provider.ts';
import { serviceProvider } from '../../support/saml/providers.ts';

const nameId = {
  ...{ value: 'somebody', format: NAME_ID_FORMATS.persistent },
  ...{ nameQualifier: undefined, spNameQualifier: undefined },
};
const visit = (entityId: string) =>
  ({ entityId, nameId, sessionIndex: `${entityId}-session`, outcome: 'waiting' }) as const;
const begun: Logout = {
  ...{ initiator: undefined, returnTo: undefined, isAnothers: false, isOver: false },
  visits: [visit('a'), visit('b')],
  notTold: ['mute'],
};
const outcomes = ({ visits }: Logout) => visits.map(({ outcome }) => outcome);
const answer = (entityId: string, inResponseTo: string | undefined, isSuccess = true) => ({
  ...{ entityId, inResponseTo, isSuccess },
});

describe('a single logout', () => {
  it('visits one after the other, and notes what each has answered', () => {
    assert.equal(nextVisit(begun)?.entityId, 'a');
    const asked = ask(begun, 'a', '_1');
    assert.deepEqual(outcomes(asked), ['asked', 'waiting']);
    const told = takeAnswer(asked, answer('a', '_1'));
    assert.ok(told);
    assert.deepEqual(outcomes(told), ['told', 'waiting']);
    const refused = takeAnswer(ask(told, 'b', '_2'), answer('b', '_2', false));
    assert.ok(refused);
    assert.deepEqual(outcomes(refused), ['told', 'not_told']);
    assert.equal(nextVisit(refused), undefined);
    assert.deepEqual(clientsNotTold(refused), ['mute', 'b']);
  });

  it('takes an answer once, from the one that was asked, to what it was asked', () => {
    const asked = ask(begun, 'a', '_1');
    for (const wrong of [answer('b', '_1'), answer('a', '_2'), answer('a', undefined), answer('c', '_1')]) {
      assert.equal(takeAnswer(asked, wrong), undefined);
    }
    assert.equal(takeAnswer(begun, answer('a', undefined)), undefined, 'nobody was asked yet');
    const told = takeAnswer(asked, answer('a', '_1'));
    assert.ok(told);
    assert.equal(takeAnswer(told, answer('a', '_1', false)), undefined);
  });

  it('goes on without an answer, and still takes it when it comes late', () => {
    const passed = ask(ask(begun, 'a', '_1'), 'b', '_2');
    assert.deepEqual(outcomes(passed), ['no_answer', 'asked']);
    const late = takeAnswer(passed, answer('a', '_1'));
    assert.ok(late);
    assert.deepEqual(outcomes(late), ['told', 'asked']);
    const over = end(late);
    assert.deepEqual([outcomes(over), over.isOver], [['told', 'no_answer'], true]);
    assert.deepEqual(clientsNotTold(over), ['mute', 'b']);
  });

  it('passes over whoever has no address any more', () => {
    const without = giveUp(begun, 'a');
    assert.equal(nextVisit(without)?.entityId, 'b');
    assert.deepEqual(clientsNotTold(without), ['mute', 'a', 'b']);
  });
});

describe('the address for a message through the browser', () => {
  const endpoint = (binding: Endpoint['binding'], location: string, responseLocation?: string): Endpoint => ({
    ...{ binding, location, responseLocation },
  });
  const having = (...singleLogoutServices: Endpoint[]) => serviceProvider({ singleLogoutServices });
  const [redirect, post, soap] = [
    endpoint('redirect', 'https://sp/redirect'),
    endpoint('post', 'https://sp/post', 'https://sp/answers'),
    endpoint('soap', 'https://sp/soap'),
  ];

  it('is that for redirects, else that for forms, and never one for calls', () => {
    assert.equal(browserEndpoint(having(soap, post, redirect)), redirect);
    assert.equal(browserEndpoint(having(soap, post)), post);
    assert.equal(browserEndpoint(having(soap)), undefined);
    assert.equal(browserEndpoint(undefined), undefined);
  });

  it('is for answers that of the binding of the request, where responses go', () => {
    assert.equal(answerEndpoint(having(redirect, post), 'post')?.location, 'https://sp/answers');
    assert.equal(answerEndpoint(having(redirect, post), 'redirect')?.location, 'https://sp/redirect');
    assert.equal(answerEndpoint(having(redirect), 'post')?.binding, 'redirect');
    assert.equal(answerEndpoint(having(post), 'redirect')?.location, 'https://sp/answers');
    assert.equal(answerEndpoint(having(soap), 'post'), undefined);
  });
});

describe('a LogoutRequest through the browser', () => {
  const provider = serviceProvider();
  const request = (...sessionIndexes: string[]): LogoutRequest => ({
    ...{ kind: 'LogoutRequest', id: '_1', issuer: provider.metadata.entityId, issueInstant: 0, isSigned: true },
    ...{ nameId, sessionIndexes },
  });
  const session = { id: 'session', subjectId: 'taro', sessionIndex: 'mine' };
  const judge = (asked: LogoutRequest, of: typeof session | undefined, subject: string | undefined = 'taro') =>
    judgeLogoutRequest(asked, provider, of, { subjectOf: async () => subject });

  it('ends the session that it names, or any when it names none', async () => {
    for (const asked of [request(), request('mine'), request('older', 'mine')]) {
      assert.deepEqual(await judge(asked, session), { outcome: 'ends', session });
    }
  });

  it('has nothing to end where nobody is signed in, whomever it names', async () => {
    assert.deepEqual(await judge(request('mine'), undefined), { outcome: 'nothing_to_end' });
    assert.deepEqual(await judge(request(), undefined, 'hanako'), { outcome: 'nothing_to_end' });
  });

  it('is refused for another person, an unknown one, and a session that is not its sender’s', async () => {
    const unknown = { outcome: 'refused', statusCodes: [STATUS.requester, STATUS.unknownPrincipal] };
    assert.deepEqual(await judge(request('mine'), session, 'hanako'), unknown);
    const nobody = judgeLogoutRequest(request(), provider, session, { subjectOf: async () => undefined });
    assert.deepEqual(await nobody, unknown);
    const notThere = judgeLogoutRequest(
      request(),
      provider,
      { ...session, sessionIndex: undefined },
      { subjectOf: async () => 'taro' },
    );
    assert.deepEqual(await notThere, unknown);
    const denied = { outcome: 'refused', statusCodes: [STATUS.requester, STATUS.requestDenied] };
    assert.deepEqual(await judge(request('theirs'), session), denied);
  });
});
