// Creates elements of the page. External data becomes only the text of a node, or the value of an attribute that cannot
// execute code.

type Attributes = Readonly<Record<string, string | number | boolean | undefined>>;

/** Creates an element with attributes and children. Strings become text nodes. */
export function element<Name extends keyof HTMLElementTagNameMap>(
  name: Name,
  attributes: Attributes = {},
  ...children: readonly (Node | string)[]
): HTMLElementTagNameMap[Name] {
  return filled(document.createElement(name), attributes, children);
}

export function drawn<Name extends keyof SVGElementTagNameMap>(
  name: Name,
  attributes: Attributes = {},
  ...children: readonly (Node | string)[]
): SVGElementTagNameMap[Name] {
  return filled(document.createElementNS('http://www.w3.org/2000/svg', name), attributes, children);
}

/** Returns the element with this id. */
export function byId<Kind extends Element = HTMLElement>(id: string): Kind {
  const found = document.getElementById(id);
  if (!found) throw new Error(`the page has no #${id}`);
  return found as Element as Kind;
}

/** Returns a field of a form. */
export function field<Kind extends HTMLInputElement | HTMLSelectElement | HTMLTextAreaElement = HTMLInputElement>(
  form: HTMLFormElement,
  name: string,
): Kind {
  return form.elements.namedItem(name) as Element as Kind;
}

/** Sets the text only if it differs, because a screen reader announces a live region whenever it is set. */
export function tell(place: Element, text: string): void {
  if (place.textContent !== text) place.textContent = text;
}

function filled<Kind extends Element>(made: Kind, attributes: Attributes, children: readonly (Node | string)[]): Kind {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === true) made.setAttribute(name, '');
    else if (value !== undefined && value !== false) made.setAttribute(name, String(value));
  }
  made.append(...children);
  return made;
}
