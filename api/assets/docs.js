// Shows /openapi.json. Text goes into the page as text nodes only, so nothing in the document can become markup.
"use strict";

const METHODS = ["get", "post", "put", "patch", "delete"];

function el(name, attributes, ...children) {
  const node = document.createElement(name);
  for (const [key, value] of Object.entries(attributes ?? {})) node.setAttribute(key, value);
  node.append(...children.flat().filter((child) => child !== null && child !== undefined));
  return node;
}

/** Text in which `code` is set as code. */
function prose(text) {
  return (text ?? "").split("`").map((part, i) => (i % 2 === 1 ? el("code", null, part) : part));
}

function paragraphs(text) {
  return (text ?? "").split("\n\n").filter(Boolean).map((part) => el("p", null, prose(part)));
}

function resolve(doc, schema) {
  let found = schema ?? {};
  for (let hops = 0; found.$ref && hops < 20; hops += 1) {
    found = found.$ref.split("/").slice(1).reduce((at, key) => at?.[key], doc) ?? {};
  }
  return found;
}

/** A schema that stands in one of several forms, `null` aside. */
function forms(doc, schema) {
  const options = schema.oneOf ?? schema.anyOf;
  return options ? options.map((option) => resolve(doc, option)) : [schema];
}

function typeName(doc, schema) {
  const name = schema?.$ref?.split("/").pop();
  if (name) return name;
  const found = resolve(doc, schema);
  const all = (found.oneOf ?? found.anyOf ?? []).map((option) => typeName(doc, option));
  if (all.length > 0) return all.join(" or ");
  const types = [found.type ?? "anything"].flat();
  const words = types.map((type) => (type === "array" ? `list of ${typeName(doc, found.items)}` : type));
  const limits = [];
  if (found.format && found.format !== "double") limits.push(found.format);
  if (found.enum) limits.push(found.enum.join(", "));
  if (found.minLength !== undefined || found.maxLength !== undefined) {
    limits.push(`${found.minLength ?? 0} to ${found.maxLength ?? "any"} characters`);
  }
  return words.join(" or ") + (limits.length > 0 ? ` (${limits.join("; ")})` : "");
}

/** The members of an object, or of what a list holds, as a nested list. */
function shape(doc, schema, seen = []) {
  const lists = forms(doc, resolve(doc, schema)).map((form) => {
    const inner = form.type === "array" || form.type?.includes?.("array") ? resolve(doc, form.items) : form;
    const parts = [inner, ...(inner.allOf ?? []).map((part) => resolve(doc, part))];
    const required = parts.flatMap((part) => part.required ?? []);
    const members = parts.flatMap((part) => Object.entries(part.properties ?? {}));
    if (members.length === 0 || seen.includes(inner)) return null;
    return el("ul", { class: "shape" }, members.map(([name, member]) => {
      const about = member.description ?? resolve(doc, member).description;
      return el("li", null,
        el("code", null, name), required.includes(name) ? "" : "?", " ",
        el("i", null, typeName(doc, member)), about ? [": ", prose(about)] : "",
        shape(doc, member, [...seen, inner]));
    }));
  });
  const shown = lists.filter(Boolean);
  return shown.length > 0 ? el("div", null, shown) : null;
}

function contents(doc, content) {
  return Object.entries(content ?? {}).map(([kind, media]) =>
    el("div", null, el("code", null, kind), " ", el("i", null, typeName(doc, media.schema)), shape(doc, media.schema)));
}

function parameters(doc, operation) {
  if (!operation.parameters?.length) return [];
  const rows = operation.parameters.map((parameter) => el("tr", null,
    el("td", null, el("code", null, parameter.name)), el("td", null, parameter.in),
    el("td", null, typeName(doc, parameter.schema)), el("td", null, prose(parameter.description))));
  return [el("h4", null, "Parameters"), el("div", { class: "scroll" }, el("table", null, rows))];
}

function security(doc, operation) {
  const ways = (operation.security ?? []).flatMap((way) => Object.keys(way));
  if (ways.length === 0) return [];
  const optional = operation.security.some((way) => Object.keys(way).length === 0);
  const about = ways.map((way) => el("li", null, el("code", null, way), ": ", prose(resolve(doc, doc.components?.securitySchemes?.[way]).description)));
  return [el("h4", null, optional ? "Who asks (may be left out)" : "Who asks"), el("ul", null, about)];
}

function responses(doc, operation) {
  const rows = Object.entries(operation.responses ?? {}).map(([status, response]) => el("tr", null,
    el("td", { class: status < "400" ? "good" : "bad" }, el("code", null, status)),
    el("td", null, prose(response.description), contents(doc, response.content))));
  return [el("h4", null, "Answers"), el("div", { class: "scroll" }, el("table", null, rows))];
}

function route(doc, path, method, operation) {
  const id = `${method}${path}`.replace(/[^A-Za-z0-9]+/g, "-");
  const name = [el("b", { class: `method ${method}` }, method.toUpperCase()), el("code", null, path)];
  const body = operation.requestBody;
  const inside = el("div", { class: "inside" },
    paragraphs(operation.description), security(doc, operation), parameters(doc, operation),
    body ? [el("h4", null, "Body"), paragraphs(body.description), contents(doc, body.content)] : [],
    responses(doc, operation));
  return {
    tag: operation.tags?.[0] ?? "others",
    link: el("li", null, el("a", { href: `#${id}` }, method.toUpperCase(), " ", path)),
    block: el("details", { id }, el("summary", null, el("div", null, name), el("span", null, prose(operation.summary))), inside),
  };
}

function show(doc) {
  document.title = `${doc.info.title}: the routes`;
  document.getElementById("title").replaceChildren(doc.info.title, " ", el("small", null, doc.info.version));
  document.getElementById("about").replaceChildren(...paragraphs(doc.info.description));
  const routes = Object.entries(doc.paths).flatMap(([path, item]) =>
    METHODS.filter((method) => item[method]).map((method) => route(doc, path, method, item[method])));
  const known = (doc.tags ?? []).map((tag) => tag.name);
  const tags = [...known, ...new Set(routes.map((r) => r.tag).filter((tag) => !known.includes(tag)))];
  const about = (tag) => (doc.tags ?? []).find((t) => t.name === tag)?.description;
  const used = tags.filter((tag) => routes.some((r) => r.tag === tag));
  const of = (tag) => routes.filter((r) => r.tag === tag);
  document.getElementById("index").replaceChildren(...used.map((tag) =>
    el("div", null, el("strong", null, tag), el("ul", null, of(tag).map((r) => r.link)))));
  document.getElementById("routes").replaceChildren(...used.map((tag) =>
    el("section", null, el("h2", null, tag), el("p", null, prose(about(tag))), of(tag).map((r) => r.block))));
  unfold();
}

/** Opens the route that the address names. */
function unfold() {
  const named = document.getElementById(decodeURIComponent(location.hash.slice(1)));
  if (named instanceof HTMLDetailsElement) {
    named.open = true;
    named.scrollIntoView();
  }
}

addEventListener("hashchange", unfold);
fetch("/openapi.json")
  .then((response) => (response.ok ? response.json() : Promise.reject(new Error(`status ${response.status}`))))
  .then(show)
  .catch((error) => document.getElementById("state")?.replaceChildren(`The routes could not be read (${error.message}). `, el("a", { href: "/docs" }, "Try again")));
