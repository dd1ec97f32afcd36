import { describeOidcStore } from './conformance.ts';

describeOidcStore();
