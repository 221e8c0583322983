import { escapeHtml } from '../kernel/html.ts';
import type { CheckoutSession, LineItem } from './objects.ts';
import type { PayForm } from './pay-form.ts';

/** What the page shows beside the session. */
export interface PayPageContent {
  session: CheckoutSession;
  lineItems: readonly LineItem[];
  /** What was typed before. */
  form: PayForm;
  /** Problems by field name, as sentences. */
  problems: Readonly<Record<string, string>>;
  /** Why the last attempt failed. */
  failure?: string | undefined;
}

/** The hosted pay page: what is bought, who pays, and how it is to end. */
export function payPage(content: PayPageContent): string {
  const { session, lineItems, failure, problems } = content;
  const total = money(session.amount_total, session.currency);
  const wrong = Object.keys(problems).length;
  const alert =
    failure ??
    (wrong > 0
      ? `Nothing was paid. ${wrong === 1 ? 'One field needs' : `${wrong} fields need`} your attention below.`
      : undefined);
  const takes = (type: 'card' | 'us_bank_account') => session.payment_method_types.includes(type);
  const buttons = [
    ...(takes('card') || session.amount_total === 0
      ? [button('card', session.amount_total === 0 ? 'Complete order' : `Pay ${total}`, 'primary')]
      : []),
    ...(takes('us_bank_account') && session.amount_total > 0
      ? [button('debit', 'Pay by bank debit', 'other', 'accepted now, settles or fails days later')]
      : []),
    ...(takes('card') && session.amount_total > 0
      ? [button('declined', 'Pay with a card that is declined', 'other')]
      : []),
  ];
  return shell(
    `${alert === undefined ? '' : 'Not paid: '}Pay ${total}`,
    `<h1><span class="quiet">Total due</span> ${escapeHtml(total)}</h1>
${alert === undefined ? '' : `<p class="alert" role="alert">${escapeHtml(alert)}</p>`}
<table>
<caption>Your order</caption>
<thead><tr><th scope="col">Item</th><th scope="col">Quantity</th><th scope="col">Amount</th></tr></thead>
<tbody>
${lineItems.map((item) => row(item)).join('\n')}
</tbody>
</table>
<form method="post" novalidate>
<fieldset>
<legend>Who pays</legend>
${payerFields(content)}
</fieldset>
${session.shipping_address_collection === null ? '' : `<fieldset>\n<legend>Where it goes</legend>\n${addressFields(content)}\n</fieldset>`}
${buttons.join('\n')}
</form>
${session.cancel_url === null ? '' : `<p class="back"><a href="${escapeHtml(session.cancel_url)}">Cancel and go back to the shop</a></p>`}`,
  );
}

/** For a session that takes no payment any more. */
export function closedPage(session: CheckoutSession): string {
  const text =
    session.status === 'complete'
      ? 'This order was completed already. You can close this page.'
      : 'This checkout has expired, and nothing was paid. Go back to the shop to start again.';
  const back = session.status === 'expired' ? session.cancel_url : null;
  return shell(
    'Checkout closed',
    `<h1>${session.status === 'complete' ? 'All done' : 'Checkout expired'}</h1>
<p>${text}</p>
${back === null ? '' : `<p class="back"><a href="${escapeHtml(back)}">Back to the shop</a></p>`}`,
  );
}

export function missingPage(): string {
  return shell(
    'No such checkout',
    '<h1>No such checkout</h1>\n<p>The link is incomplete, or the stand-in was reset. Start again in the shop.</p>',
  );
}

function row({ description, quantity, amount_total, currency }: LineItem): string {
  return `<tr><td>${escapeHtml(description)}</td><td>${quantity}</td><td>${escapeHtml(money(amount_total, currency))}</td></tr>`;
}

function payerFields(content: PayPageContent): string {
  const { session } = content;
  return [
    field(content, 'email', 'E-mail', { type: 'email', autocomplete: 'email' }),
    field(content, 'name', 'Full name', { autocomplete: 'name' }),
    ...(session.phone_number_collection.enabled
      ? [field(content, 'phone', 'Phone', { type: 'tel', autocomplete: 'tel' })]
      : []),
  ].join('\n');
}

function addressFields(content: PayPageContent): string {
  const countries = content.session.shipping_address_collection?.allowed_countries ?? [];
  const chosen = content.form['country'];
  return [
    field(content, 'line1', 'Address', { autocomplete: 'address-line1' }),
    field(content, 'postal_code', 'Postal code', { autocomplete: 'postal-code' }),
    field(content, 'city', 'City', { autocomplete: 'address-level2' }),
    field(content, 'state', 'State or province (optional)', {
      autocomplete: 'address-level1',
      optional: true,
    }),
    `<p><label for="country">Country</label><select id="country" name="country" autocomplete="country">${countries
      .map(
        (code) =>
          `<option value="${code}"${code === chosen ? ' selected' : ''}>${escapeHtml(countryName(code))}</option>`,
      )
      .join('')}</select></p>`,
  ].join('\n');
}

function field(
  { form, problems }: PayPageContent,
  name: string,
  label: string,
  {
    type = 'text',
    autocomplete,
    optional = false,
  }: { type?: string; autocomplete: string; optional?: boolean },
): string {
  const problem = problems[name];
  const first = Object.keys(problems)[0] === name ? ' autofocus' : '';
  const invalid =
    problem === undefined ? '' : ` aria-invalid="true" aria-describedby="${name}-problem"${first}`;
  const why =
    problem === undefined ? '' : `<span class="problem" id="${name}-problem">${escapeHtml(problem)}</span>`;
  return `<p><label for="${name}">${label}</label><input id="${name}" name="${name}" type="${type}" autocomplete="${autocomplete}" value="${escapeHtml(form[name] ?? '')}"${optional ? '' : ' required'}${invalid}>${why}</p>`;
}

function button(action: string, label: string, look: 'other' | 'primary', hint?: string): string {
  const small = hint === undefined ? '' : `<span class="hint">${hint}</span>`;
  return `<button name="action" value="${action}" class="${look}">${escapeHtml(label)}${small}</button>`;
}

/** Minor units as a price; some currencies have no decimals. */
function money(minor: number, currency: string): string {
  const format = new Intl.NumberFormat('en-US', { style: 'currency', currency });
  return format.format(minor / 10 ** (format.resolvedOptions().maximumFractionDigits ?? 2));
}

function countryName(code: string): string {
  return new Intl.DisplayNames('en', { type: 'region' }).of(code) ?? code;
}

function shell(title: string, body: string): string {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escapeHtml(title)}</title>
<style>
  :root { color-scheme: light dark; --line: #8886; --strong: #4b3fd6; --bad: #b3261e; --bad-ground: #fdecea; }
  @media (prefers-color-scheme: dark) { :root { --strong: #6a5ff0; --bad: #ffb4ab; --bad-ground: #3b1512; } }
  * { box-sizing: border-box; }
  body { font: 17px/1.5 system-ui, sans-serif; max-width: 30rem; margin: 0 auto; padding: 1rem 1rem 3rem; }
  .test { display: inline-block; background: #ffde92; color: #4a3400; font-size: .8rem; font-weight: 600; padding: .15rem .6rem; border-radius: 1rem; }
  h1 { font-size: 2rem; line-height: 1.2; margin: 1rem 0; }
  h1 .quiet { display: block; font-size: 1rem; font-weight: 400; }
  .quiet, .hint { opacity: .75; } .hint { display: block; font-size: .85rem; font-weight: 400; }
  table { width: 100%; border-collapse: collapse; margin-bottom: 1.5rem; }
  caption { text-align: left; font-weight: 600; }
  th, td { text-align: left; vertical-align: top; padding: .4rem .5rem .4rem 0; border-bottom: 1px solid var(--line); overflow-wrap: anywhere; }
  th { font-size: .85rem; font-weight: 400; }
  th:nth-child(n+2), td:nth-child(n+2) { text-align: right; white-space: nowrap; padding-right: 0; padding-left: .5rem; }
  fieldset { border: 0; padding: 0; margin: 0 0 1rem; } legend { font-weight: 600; padding: 0; }
  fieldset p { margin: .6rem 0; } label { display: block; font-size: .9rem; }
  input, select, button { font: inherit; width: 100%; min-height: 2.9rem; border-radius: .5rem; border: 1px solid #767676; padding: .5rem .75rem; }
  input[aria-invalid] { border: 2px solid var(--bad); }
  button { margin-top: .75rem; cursor: pointer; font-weight: 600; background: transparent; color: inherit; }
  button.primary { background: var(--strong); border-color: var(--strong); color: #fff; }
  :focus-visible { outline: 3px solid var(--strong); outline-offset: 2px; }
  .alert { background: var(--bad-ground); color: var(--bad); border-radius: .5rem; padding: .75rem 1rem; }
  .problem { display: block; color: var(--bad); font-size: .9rem; }
  .back { text-align: center; margin-top: 1.5rem; } a { color: inherit; }
</style>
</head>
<body>
<main>
<p class="test">Test mode: no money moves</p>
${body}
</main>
</body>
</html>
`;
}
