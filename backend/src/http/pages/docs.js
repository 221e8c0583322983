// Reads /openapi.json and writes it out for people. Only textContent is set: the document is data, never markup.
const methods = ['get', 'post', 'put', 'patch', 'delete'];

function element(name, text, children = []) {
  const node = document.createElement(name);
  if (text !== undefined) node.textContent = text;
  node.append(...children);
  return node;
}

function details(title, text) {
  return element('details', undefined, [element('summary', title), element('pre', text)]);
}

const json = (value) => JSON.stringify(value, null, 2);

function parameterLine({ name, in: place, required, schema }) {
  return `${name} (${place}${required ? ', required' : ''}): ${json(schema)}`;
}

function section(path, method, operation) {
  const { summary, description, security, parameters, requestBody, responses } = operation;
  const parts = [
    element('h3', undefined, [element('code', `${method.toUpperCase()} ${path}`)]),
    element('p', summary),
    ...(description ? [element('p', description)] : []),
    element('p', security?.length ? 'Needs an access token.' : 'Needs no access token.'),
    ...(parameters ? [details('Parameters', parameters.map(parameterLine).join('\n'))] : []),
  ];
  const body = requestBody?.content['application/json']?.schema;
  if (body) parts.push(details('Body', json(body)));
  for (const [status, response] of Object.entries(responses)) {
    const schema = status.startsWith('2') && response.content?.['application/json']?.schema;
    parts.push(details(status, [response.description, schema ? json(schema) : ''].join('\n\n').trim()));
  }
  return element('section', undefined, parts);
}

const { paths } = await (await fetch('/openapi.json')).json();
const routes = document.querySelector('#routes');
for (const [path, item] of Object.entries(paths)) {
  for (const method of methods) if (item[method]) routes.append(section(path, method, item[method]));
}

document.querySelector('#filter').addEventListener('input', ({ target }) => {
  const wanted = target.value.toLowerCase();
  for (const node of routes.children) node.hidden = !node.textContent.toLowerCase().includes(wanted);
});
