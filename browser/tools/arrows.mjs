/**
 * Turns function declarations into arrow functions, which are shorter and compress better.
 *
 *     function a(b) { return b + 1 }        =>        let a = (b) => b + 1
 *
 * They move to the top of their block, where they are defined before anything there runs. What needs
 * a `this`, `arguments` or `new` of its own stays as it is.
 *
 * Knows: JavaScript.
 * Must not know: what the code does.
 */

import { generate } from "astring";
import { parse } from "acorn";

const SYNTAX = { ecmaVersion: 2022, sourceType: "module" };

const childrenOf = (node) => Object.values(node).flat().filter((one) => one?.type);

/** Whether code has a `this`, `arguments` or `new.target` in it, outside of functions that have their own. */
const needsOwn = (node) => childrenOf(node).some((one) => one.type === "ThisExpression" ||
  one.type === "MetaProperty" || one.name === "arguments" ||
  (!/^Function/.test(one.type) && needsOwn(one)));

/** The names of what is made with `new`. */
const constructed = (node) =>
  [...(node.type === "NewExpression" ? [node.callee.name] : []), ...childrenOf(node).flatMap(constructed)];

function asArrow({ id, params, body, async }) {
  const [first, second] = body.body;
  const isShort = first?.type === "ReturnStatement" && first.argument && !second;
  return { type: "VariableDeclarator", id, init: {
    type: "ArrowFunctionExpression", params, async, expression: Boolean(isShort), body: isShort ? first.argument : body,
  } };
}

export function arrows(code) {
  const ast = parse(code, SYNTAX);
  const classes = constructed(ast);
  const isFit = (node) => node.type === "FunctionDeclaration" && !node.generator &&
    !classes.includes(node.id.name) && !needsOwn(node);
  const change = (node) => {
    childrenOf(node).forEach(change);
    if (!/^(Program|BlockStatement)$/.test(node.type)) return;
    const declarations = node.body.filter(isFit).map(asArrow);
    if (!declarations[0]) return;
    node.body = [{ type: "VariableDeclaration", kind: "let", declarations }, ...node.body.filter((one) => !isFit(one))];
  };
  change(ast);
  return generate(ast);
}
