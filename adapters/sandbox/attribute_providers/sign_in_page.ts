import ejs from 'ejs';
import type { SandboxProvider } from './sandbox_providers.ts';

const WORDS = {
  ja: {
    title: 'サインイン',
    lead: (name: string) => `${name}（検証環境）のお客さまとしてサインインし、会員情報をMusubiに渡すことに同意します。`,
    as: (name: string) => `${name} として同意する`,
    cancel: '同意しない',
  },
  en: {
    title: 'Sign in',
    lead: (name: string) =>
      `You sign in as a customer of ${name} (a simulation), and agree that what it knows about you is told to Musubi.`,
    as: (name: string) => `Agree as ${name}`,
    cancel: 'Do not agree',
  },
};

const PAGE = ejs.compile(`<!doctype html>
<html lang="<%= language %>">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
<title><%= words.title %> - <%= name %></title>
<style>
:root { color-scheme: light dark; font: 1.125rem/1.75 sans-serif; }
body { margin: 0 auto; max-width: 36rem; padding: 2rem 1rem; }
button { display: block; width: 100%; margin: 0 0 1rem; padding: .75rem 1rem; font: inherit; }
</style>
</head>
<body>
<main>
<p><strong><%= name %></strong></p>
<h1><%= words.title %></h1>
<p><%= words.lead(name) %></p>
<form method="post" action="<%= action %>">
<% for (const customer of customers) { -%>
<button name="customer" value="<%= customer.reference %>"><%= words.as(customer.name) %></button>
<% } -%>
<button name="customer" value=""><%= words.cancel %></button>
</form>
</main>
</body>
</html>
`);

/** The one page of a sandbox provider that is asked as an OpenID Provider. */
export function signInPage({ names, customers }: SandboxProvider, action: string, language: 'ja' | 'en'): string {
  return PAGE({ language, action, customers, name: names[language], words: WORDS[language] });
}
