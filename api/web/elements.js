/** Making and finding elements. Text always goes in as text, never as HTML. */

export const find = (selector, within = document) => within.querySelector(selector);

/** A new element: attributes with null or false are left out, functions become event listeners. */
export function make(tag, attributes = {}, ...children) {
  return fill(document.createElement(tag), attributes, children);
}

/** The same in SVG. */
export function draw(tag, attributes = {}, ...children) {
  return fill(document.createElementNS("http://www.w3.org/2000/svg", tag), attributes, children);
}

/** Text that is read out but not seen. */
export const unseen = (text) => make("span", { class: "unseen" }, text);

/** A list of texts. */
export const list = (texts) => make("ul", {}, ...texts.map((text) => make("li", {}, text)));

/** Has a screen reader say it, once it is done with what it is saying. */
export function announce(text) {
  const place = find("#announcer");
  place.textContent = "";
  setTimeout(() => { place.textContent = text; }, 150); // so that an equal text is a change as well
}

function fill(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === "function") element.addEventListener(name, value);
    else if (value !== null && value !== false) element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.flat(Infinity).filter((child) => child !== null && child !== false));
  return element;
}
