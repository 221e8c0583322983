import { expect, it } from '@jest/globals';
import { cardPage, html } from './html.ts';

it('escapes what is no HTML, in text and in attributes', () => {
  const name = `<script>alert("x")</script> & 'y'`;
  expect(html`<p title="${name}">${name}</p>`.text).toBe(
    '<p title="&lt;script&gt;alert(&quot;x&quot;)&lt;/script&gt; &amp; &#39;y&#39;">' +
      '&lt;script&gt;alert(&quot;x&quot;)&lt;/script&gt; &amp; &#39;y&#39;</p>',
  );
});

it('takes HTML, lists, numbers and nothing', () => {
  expect(html`<ul>${[html`<li>${1}</li>`, html`<li>two</li>`]}${undefined}${false}</ul>`.text).toBe(
    '<ul><li>1</li><li>two</li></ul>',
  );
});

it('makes a page with one heading', () => {
  const { text } = cardPage({ title: 'A & B', content: html`<p>text</p>` });
  expect(text).toContain('<title>A &amp; B</title>');
  expect(text.match(/<h1>/g)).toHaveLength(1);
});
