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

export function svgElement<Name extends keyof SVGElementTagNameMap>(
  name: Name,
  attributes: Attributes = {},
  ...children: readonly (Node | string)[]
): SVGElementTagNameMap[Name] {
  return filled(document.createElementNS('http://www.w3.org/2000/svg', name), attributes, children);
}

/** Returns the element with this id. */
export function byId(id: string): HTMLElement {
  const found = document.getElementById(id);
  if (!found) throw new Error(`the page has no #${id}`);
  return found;
}

export function formById(id: string): HTMLFormElement {
  return checked(byId(id), HTMLFormElement, `#${id}`);
}

/** Returns an input field of a form. */
export function field(form: HTMLFormElement, name: string): HTMLInputElement {
  return checked(form.elements.namedItem(name), HTMLInputElement, name);
}

export function selectField(form: HTMLFormElement, name: string): HTMLSelectElement {
  return checked(form.elements.namedItem(name), HTMLSelectElement, name);
}

export function textField(form: HTMLFormElement, name: string): HTMLTextAreaElement {
  return checked(form.elements.namedItem(name), HTMLTextAreaElement, name);
}

/** Returns the value if it is an element of the type. */
export function checked<Kind>(value: unknown, type: new () => Kind, what: string): Kind {
  if (value instanceof type) return value;
  throw new Error(`the page has no ${what} of the type ${type.name}`);
}

/** Sets the text only if it differs, because a screen reader announces a live region whenever it is set. */
export function setText(place: Element, text: string): void {
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
