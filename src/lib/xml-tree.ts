/** XML as plain data: whoever sends it leaves the characters that need escaping to a library. */
export type XmlNode = XmlElement | XmlText;

export interface XmlElement {
  readonly type: 'element';
  readonly name: string;
  readonly attributes: Readonly<Record<string, string>>;
  readonly children: XmlNode[];
}

export interface XmlText {
  readonly type: 'text';
  readonly value: string;
}

/** A whole document with its declaration. */
export interface XmlDocument {
  readonly type: 'root';
  readonly children: (XmlNode | { readonly type: 'instruction'; readonly name: string; readonly value: string })[];
}

/** Make an element of attributes and of what it contains. */
export function element(
  name: string,
  attributes: Readonly<Record<string, string | number>> = {},
  ...children: readonly (XmlNode | string | number)[]
): XmlElement {
  const texts = Object.entries(attributes).map(([key, value]) => [key, String(value)]);
  const nodes = children.map((child): XmlNode => (typeof child === 'object' ? child : textNode(String(child))));
  return { type: 'element', name, attributes: Object.fromEntries(texts), children: nodes };
}

/** Make a document that people can read: elements stand on lines of their own, unless there is text beside them. */
export function xmlDocument(root: XmlElement): XmlDocument {
  const declaration = { type: 'instruction', name: 'xml', value: 'version="1.0" encoding="UTF-8"' } as const;
  return { type: 'root', children: [declaration, textNode('\n'), indented(root, 0), textNode('\n')] };
}

function indented(node: XmlElement, depth: number): XmlElement {
  if (node.children.length === 0 || node.children.some(({ type }) => type === 'text')) return node;
  const elements = node.children.filter((child) => child.type === 'element');
  const lines = elements.flatMap((child) => [lineBreak(depth + 1), indented(child, depth + 1)]);
  return { ...node, children: [...lines, lineBreak(depth)] };
}

function lineBreak(depth: number): XmlText {
  return textNode(`\n${'  '.repeat(depth)}`);
}

function textNode(value: string): XmlText {
  return { type: 'text', value };
}
