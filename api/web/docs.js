/** The page of the API's documents: everything it shows comes from openapi.json and asyncapi.json. */

import { find, make } from "./elements.js";

const SIDES = { receive: "From the client", send: "From the server" };

start();

async function start() {
  const place = find("#documents");
  try {
    const [requests, socket] = await Promise.all(["openapi.json", "asyncapi.json"].map(load));
    const operations = listOperations(requests);
    const messages = listMessages(socket);
    place.replaceChildren(
      make("h1", {}, requests.info.title),
      ...paragraphs(requests.info.description),
      ...areas(operations, (operation) => showOperation(operation, requests)),
      make("h2", { class: "area", id: "live" }, "Live, over a socket"),
      showAddress("WS", socket.channels.interview.address),
      ...paragraphs(socket.info.description),
      showQuery(socket),
      ...areas(messages, (message) => showMessage(message, socket)),
    );
    find("#contents").replaceChildren(...contents(operations), ...contents(messages));
    if (location.hash) document.getElementById(location.hash.slice(1))?.scrollIntoView();
  } catch (error) {
    find("#state").textContent = `The documents could not be loaded (${error.message}). Reload the page to try again.`;
  }
  place.removeAttribute("aria-busy");
}

async function load(address) {
  const response = await fetch(address);
  if (!response.ok) throw new Error(`${address}: ${response.status}`);
  return response.json();
}

/** What the documents hold, as `{ area, id, title, … }` in their order. */

function listOperations({ paths }) {
  return Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({
      area: capitalise(operation.tags[0]),
      id: operation.operationId,
      title: capitalise(operation.operationId.replaceAll("_", " ")),
      method: method.toUpperCase(),
      path,
      ...operation,
    })));
}

function listMessages(document) {
  return Object.values(document.operations).flatMap(({ action, messages }) =>
    messages.map((message) => {
      const content = resolve(resolve(message, document), document);
      return { ...content, area: SIDES[action], id: `message-${content.name}`, title: content.name };
    }));
}

function areas(entries, show) {
  let area = null;
  return entries.flatMap((entry) => {
    const isNew = entry.area !== area;
    area = entry.area;
    return [isNew && make("h2", { class: "area" }, area), show(entry)].filter(Boolean);
  });
}

function contents(entries) {
  return [...new Set(entries.map(({ area }) => area))].flatMap((area) => [
    make("h2", {}, area),
    make("ul", {}, ...entries.filter((entry) => entry.area === area)
      .map(({ id, title }) => make("li", {}, make("a", { href: `#${id}` }, title)))),
  ]);
}

/** One operation or message */

function showOperation(operation, document) {
  const content = operation.requestBody?.content["application/json"];
  return make("section", { class: "card", id: operation.id, "aria-labelledby": `${operation.id}-title` },
    make("h3", { id: `${operation.id}-title` }, operation.title),
    showAddress(operation.method, operation.path),
    ...paragraphs(operation.description),
    operation.parameters !== undefined && [make("h4", {}, "Parameters"), showParameters(operation.parameters, document)],
    content !== undefined && [
      make("h4", {}, "Body"),
      showFields(content.schema, document),
      fold([make("span", {}, "Examples")], showExamples(content.examples)),
    ],
    make("h4", {}, "With curl"),
    make("pre", {}, make("code", {}, writeCurl(operation, content))),
    make("h4", {}, "Responses"),
    Object.entries(operation.responses).map(([status, response]) => showResponse(status, response, document)));
}

function showMessage(message, document) {
  const examples = message.examples.map(({ name, payload }) => [name, { value: payload }]);
  return make("section", { class: "card", id: message.id, "aria-labelledby": `${message.id}-title` },
    make("h3", { id: `${message.id}-title` }, make("code", {}, message.title)),
    ...paragraphs(message.summary),
    make("h4", {}, "Fields"),
    showFields(message.payload, document, message.area === SIDES.receive),
    fold([make("span", {}, "Examples")], showExamples(Object.fromEntries(examples))));
}

function showResponse(status, response, document) {
  const content = response.content["application/json"];
  const title = [
    make("span", { class: status < "400" ? "method" : "method error" }, status),
    make("span", { class: "about" }, response.description),
  ];
  const headers = Object.entries(response.headers ?? {});
  return fold(title,
    headers.length > 0 && make("p", {}, "Header: ", ...headers.map(([name]) => make("code", {}, name))),
    showFields(content.schema, document, false), showExamples(content.examples));
}

function showAddress(method, path) {
  return make("p", { class: "address" }, make("span", { class: "method" }, method), make("code", {}, path));
}

function showQuery(socket) {
  return make("section", { class: "card", "aria-label": "Query" },
    make("h3", {}, "Query"), showFields(socket.channels.interview.bindings.ws.query, socket));
}

function showParameters(parameters, document) {
  return make("ul", { class: "fields" }, ...parameters.map(({ name, schema, required, description, in: place }) =>
    showField(name, { ...schema, description: description ?? schema.description }, required, document, true, ` (${place})`)));
}

function showExamples(examples) {
  return Object.entries(examples ?? {}).flatMap(([name, { summary, value }]) => [
    make("h5", {}, summary ?? capitalise(name.replaceAll("_", " "))),
    make("pre", {}, make("code", {}, JSON.stringify(value, null, 2))),
  ]);
}

function writeCurl({ method, path }, content) {
  const first = Object.values(content?.examples ?? {})[0];
  const lines = [`curl ${location.origin}${path}`, '  -H "Authorization: Bearer $KEY"'];
  if (method === "POST" && !first) lines.push("  -X POST");
  if (first) {
    lines.push("  -H 'Content-Type: application/json'");
    lines.push(`  -d '${JSON.stringify(first.value).replaceAll("'", "'\\''")}'`);
  }
  return lines.join(" \\\n");
}

/** Schemas */

/** `asked`: whether somebody has to send it, so that it matters which fields are required. */
function showFields(schema, document, asked = true) {
  const { properties, required = [] } = resolve(schema, document);
  if (!properties) return null;
  return make("ul", { class: "fields" }, ...Object.entries(properties).map(([name, part]) =>
    showField(name, part, asked && required.includes(name), document, asked)));
}

function showField(name, schema, isNeeded, document, asked = true, place = "") {
  const inner = innermost(schema, document);
  const about = schema.description ?? (inner.properties ? inner.description : null);
  return make("li", {},
    make("code", {}, name), " ",
    make("span", { class: "kind" }, nameType(schema, document) + place), " ",
    isNeeded === true && make("span", { class: "needed" }, "required"),
    Boolean(about) && make("span", { class: "about" }, ...styleCode(about)),
    inner.properties !== undefined && showFields(inner, document, asked));
}

function nameType(schema, document) {
  const known = resolve(schema, document);
  if ("const" in known) return JSON.stringify(known.const);
  const preset = known.default === undefined || known.default === null ? "" : `, default ${JSON.stringify(known.default)}`;
  if (known.enum) return known.enum.map((value) => JSON.stringify(value)).join(" or ") + preset;
  const choices = known.anyOf ?? known.oneOf;
  if (choices) return choices.map((choice) => nameType(choice, document)).join(" or ");
  if (known.type === "array") return `list of ${nameType(known.items, document)}${nameRange(known)}`;
  if (known.type === "object" && typeof known.additionalProperties === "object") {
    return `object, each value: ${nameType(known.additionalProperties, document)}`;
  }
  return `${known.format === "date-time" ? "time" : known.type ?? "any"}${nameRange(known)}${preset}`;
}

function nameRange({ minimum, maximum, minLength, maxLength, maxItems }) {
  if (minimum !== undefined && maximum !== undefined) return `, ${minimum} to ${maximum}`;
  if (minimum !== undefined) return `, from ${minimum}`;
  if (maxLength !== undefined) return `, ${minLength ?? 0} to ${maxLength} characters`;
  return maxItems === undefined ? "" : `, at most ${maxItems}`;
}

/** The schema whose fields are of interest: past lists, and past the choice of null. */
function innermost(schema, document) {
  const known = resolve(schema, document);
  if (known.type === "array") return innermost(known.items, document);
  const choice = known.anyOf?.find(({ type }) => type !== "null");
  if (choice) return innermost(choice, document);
  return typeof known.additionalProperties === "object" ? innermost(known.additionalProperties, document) : known;
}

function resolve(schema, document) {
  if (!schema.$ref) return schema;
  return schema.$ref.slice(2).split("/").reduce((part, name) => part[name], document);
}

/** Texts */

function fold(title, ...children) {
  return make("details", {}, make("summary", {}, ...title), ...children);
}

function paragraphs(text = "") {
  return text.split("\n\n").filter(Boolean).map((part) => make("p", {}, ...styleCode(part)));
}

function styleCode(text) {
  return text.split("`").map((part, index) => (index % 2 ? make("code", {}, part) : part));
}

function capitalise(text) {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
