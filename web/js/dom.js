/*
 * Making and changing elements. Text goes in as textContent only: nothing that people or vendors
 * wrote can become markup here, and no other module creates elements.
 */

const SVG = "http://www.w3.org/2000/svg";

/** `classes` is a class attribute; `content` a string or a list of nodes. */
export function make(tag, classes = "", content = "") {
  const element = document.createElement(tag);
  if (classes) element.className = classes;
  if (typeof content === "string") element.textContent = content;
  else element.append(...content);
  return element;
}

export function shape(tag, attributes = {}, children = []) {
  const element = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

/** A picture of the sprite in index.html; names that it lacks (a persona added later) get `fallback`. */
export function icon(name, classes = "icon", fallback = "persona") {
  return shape("svg", { class: classes, "aria-hidden": "true" }, [shape("use", { href: iconRef(name, fallback) })]);
}

export function iconRef(name, fallback = "persona") {
  return document.getElementById(`i-${name}`) ? `#i-${name}` : `#i-${fallback}`;
}

/** Writes only what differs: rewriting equal text would make screen readers speak again. */
export function text(element, value) {
  if (element.textContent !== value) element.textContent = value;
}

export function attribute(element, name, value) {
  if (value === null || value === false) element.removeAttribute(name);
  else if (element.getAttribute(name) !== String(value)) element.setAttribute(name, value);
}

/**
 * Keeps the children of `parent` in step with `items`: one element for each key, made once, updated
 * each time, taken out when its item is gone. Focus and animations of the others survive.
 */
export function keyed(parent, items, key, create, update) {
  const known = new Map([...parent.children].map((child) => [child.dataset.key, child]));
  let place = parent.firstElementChild;
  for (const item of items) {
    const name = key(item);
    let element = known.get(name);
    if (element) known.delete(name);
    else {
      element = create(item);
      element.dataset.key = name;
    }
    if (element === place) place = place.nextElementSibling;
    else parent.insertBefore(element, place);
    update(element, item);
  }
  for (const element of known.values()) element.remove();
}
