import type { Element } from 'xast';
import { fromXml } from 'xast-util-from-xml';

/** An element that was read; white space between elements is nothing. */
export interface Tree {
  readonly name: string;
  readonly attributes: Readonly<Record<string, string>>;
  readonly children: readonly (Tree | string)[];
}

/** Parse a document. @returns its root element */
export function treeOf(xml: string): Tree {
  const [root] = fromXml(xml).children.flatMap((node) => (node.type === 'element' ? [elementOf(node)] : []));
  if (root === undefined) throw new Error('there is no element');
  return root;
}

function elementOf({ name, attributes, children }: Element): Tree {
  const kept = children.flatMap((child): (Tree | string)[] => {
    if (child.type === 'element') return [elementOf(child)];
    return child.type === 'text' && child.value.trim() !== '' ? [child.value] : [];
  });
  return { name, attributes: attributes as Record<string, string>, children: kept };
}

/** Return an element as nested arrays of names and texts, in order. */
export function shapeOf(tree: Tree): unknown[] {
  return [tree.name, ...tree.children.map((child) => (typeof child === 'string' ? child : shapeOf(child)))];
}

/** Return all elements of a name, in order. */
export function findElements(tree: Tree, name: string): Tree[] {
  const inside = tree.children.flatMap((child) => (typeof child === 'string' ? [] : findElements(child, name)));
  return tree.name === name ? [tree, ...inside] : inside;
}

/** Return the text of the first element of a name. */
export function textIn(tree: Tree, name: string): string {
  const [text] = findElements(tree, name)[0]?.children ?? [];
  return typeof text === 'string' ? text : '';
}
