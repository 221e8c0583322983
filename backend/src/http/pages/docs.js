// Writes /openapi.json out for people. Only textContent is set: the document is data, never markup.
import { element, fieldList, prose } from './schema.js';

const methods = ['get', 'post', 'put', 'patch', 'delete'];
const json = (value) => JSON.stringify(value, null, 2);
const api = await (await fetch('/openapi.json')).json();

const resolve = (value) =>
  value?.$ref === undefined
    ? value
    : value.$ref
        .slice(2)
        .split('/')
        .reduce((part, key) => part[key], api);

const operations = Object.entries(api.paths).flatMap(([path, item]) =>
  methods.filter((method) => item[method]).map((method) => ({ path, method, ...item[method] })),
);

function block(title, ...content) {
  return [element('h4', title), ...content];
}

function folded(title, text) {
  return element('details', undefined, [element('summary', title), element('pre', text)]);
}

function access({ security, parameters = [] }) {
  if (parameters.some(({ name }) => name === 'X-Aovis-Signature')) return 'Signed by its headers.';
  if (security.length === 0) return 'Needs no access token.';
  return security.some((choice) => Object.keys(choice).length === 0)
    ? 'An access token may come along.'
    : 'Needs an access token.';
}

function parameterList(parameters) {
  const entries = parameters.flatMap(({ name, in: place, required, description, schema }) => [
    element('dt', undefined, [element('code', name), ` ${place}${required ? ', required' : ''}`]),
    element('dd', undefined, prose([description, fieldSummary(schema)].filter(Boolean).join(' · '))),
  ]);
  return element('dl', undefined, entries);
}

function fieldSummary({ enum: choices, default: usual, minimum, maximum, maxLength }) {
  return [
    choices && choices.map((choice) => `\`${choice}\``).join(', '),
    minimum !== undefined && maximum !== undefined && `${minimum} to ${maximum}`,
    maxLength && `at most ${maxLength} characters`,
    usual !== undefined && `\`${usual}\` when absent`,
  ]
    .filter(Boolean)
    .join(' · ');
}

/** The path with its examples, and those of the query without which it is refused. */
function exampleAddress(path, parameters) {
  const filled = parameters
    .filter(({ in: place }) => place === 'path')
    .reduce((text, { name, example }) => text.replace(`{${name}}`, encodeURIComponent(example)), path);
  const query = parameters.filter(({ in: place, required }) => place === 'query' && required);
  const wanted = new URLSearchParams(query.map(({ name, example }) => [name, example]));
  return `${location.origin}${filled}${query.length > 0 ? `?${wanted}` : ''}`;
}

/** Something to paste into a shell. */
function curl({ path, method, security, parameters = [], requestBody, responses }) {
  const isFile = Object.entries(responses).some(
    ([status, { content }]) => status.startsWith('2') && content['application/json'] === undefined,
  );
  const body = requestBody?.content['application/json'].example;
  const lines = [
    `curl -X ${method.toUpperCase()} '${exampleAddress(path, parameters)}'`,
    ...(isFile ? ['-O -J'] : []),
    ...(security.some((choice) => choice.bearer) ? [`-H "Authorization: Bearer $ACCESS_TOKEN"`] : []),
    ...parameters
      .filter(({ in: place, required }) => place === 'header' && required)
      .map(({ name, example }) => `-H '${name}: ${example}'`),
    ...(body ? [`-H 'Content-Type: application/json'`, `-d '${JSON.stringify(body)}'`] : []),
  ];
  return lines.join(' \\\n  ');
}

/** Not all answers are JSON: a clip is a file. */
function answer([status, { description, headers = {}, content }]) {
  const [mediaType, { schema, example }] = Object.entries(content)[0];
  const named = Object.entries(headers).map(([name, header]) => ({
    name,
    in: 'header',
    schema: {},
    ...header,
  }));
  return [
    ...block(`Answer ${status}`),
    ...(status.startsWith('2') ? [] : [element('p', description)]),
    ...(named.length > 0 ? [parameterList(named)] : []),
    mediaType === 'application/json'
      ? fieldList(resolve(schema), resolve)
      : element('p', undefined, prose(`A file of type \`${mediaType}\`.`)),
    ...(example === undefined ? [] : [folded('Example', json(example))]),
  ];
}

/** Its codes are examples of the status; the sentence is that of the example. */
function refusals(entries) {
  const rows = entries.flatMap(([status, { content }]) =>
    Object.entries(content['application/json'].examples).flatMap(([code, example]) => [
      element('dt', status),
      element('dd', undefined, [element('code', code)]),
      withClass(element('dd', resolve(example).value.error.message), 'sentence'),
    ]),
  );
  return withClass(element('dl', undefined, rows), 'codes');
}

function withClass(node, name) {
  node.className = name;
  return node;
}

function article(operation) {
  const { operationId, path, method, summary, description, parameters, requestBody, responses } = operation;
  const body = requestBody?.content['application/json'];
  const isRefusal = ([, { content }]) => content['application/json']?.examples !== undefined;
  const all = Object.entries(responses);
  const address = [
    withClass(element('code', method.toUpperCase()), `method ${method}`),
    element('code', path),
  ];
  const node = element('article', undefined, [
    element('h3', summary),
    withClass(element('div', undefined, address), 'address'),
    ...(description ? [element('p', undefined, prose(description))] : []),
    withClass(element('p', access(operation)), 'faint'),
    ...(parameters ? block('Parameters and headers', parameterList(parameters)) : []),
    ...(body ? block('Body', fieldList(resolve(body.schema), resolve)) : []),
    folded('Try it', curl(operation)),
    ...all.filter((entry) => !isRefusal(entry)).flatMap(answer),
    ...block('Refusals', refusals(all.filter(isRefusal))),
  ]);
  node.id = operationId;
  return node;
}

function group({ name, description }) {
  const own = operations.filter(({ tags }) => tags[0] === name);
  const links = own.map(({ operationId, summary }) => {
    const link = element('a', summary);
    link.href = `#${operationId}`;
    return link;
  });
  document.querySelector('#contents').append(element('strong', name), ...links);
  return element('section', undefined, [
    element('h2', name),
    element('p', description),
    ...own.map((operation) => article(operation)),
  ]);
}

const routes = document.querySelector('#routes');
const about = api.info.description.split('\n\n').map((text) => element('p', undefined, prose(text)));
document.querySelector('#about').append(...about);
routes.append(...api.tags.map(group));
// The anchors exist only now.
document.getElementById(location.hash.slice(1))?.scrollIntoView();

document.querySelector('#filter').addEventListener('input', ({ target }) => {
  const wanted = target.value.trim().toLowerCase();
  for (const node of routes.querySelectorAll('article'))
    node.hidden = !node.textContent.toLowerCase().includes(wanted);
  for (const section of routes.children)
    section.hidden = section.querySelector('article:not([hidden])') === null;
  for (const link of document.querySelectorAll('#contents a'))
    link.hidden = document.getElementById(link.hash.slice(1)).hidden;
  document.querySelector('#nothing').hidden = routes.querySelector('article:not([hidden])') !== null;
});
