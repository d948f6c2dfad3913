/**
 * Turns objects of which a socket has exactly one into variables.
 *
 * What byway.js calls `session`, `race`, `quiet` and `driver` always means the one of the socket at hand.
 * So all code that knows them can stand inside of the one function that makes them, where a
 * property is a variable and a method a function, and no function has to be given them:
 *
 *     class Session { got = 0; isNew() { return !this.got } }      let session$got = 0
 *     const session = new Session()                           =>   function session$isNew() {…}
 *     session.isNew()                                              session$isNew()
 *
 * Knows: how byway.js is built up: the classes, the object, and the functions that are named below.
 * Must not know: what they do. Whatever it does not understand is an error, never a guess.
 */

import { generate } from "astring";
import { parse } from "acorn";
import { analyze } from "eslint-scope";

const HOST = "converse"; // the function that runs once a socket
const MAKER = "drive"; // is called in it once, and makes the others
const CLASSES = { Session: "session", Race: "race", Silence: "quiet" };
const OBJECT = "driver";
const ONE = [...Object.values(CLASSES), OBJECT];
const SYNTAX = { ecmaVersion: 2022, sourceType: "module", ranges: true };

const original = (name) => name.replace(/\$\d+$/, "");
/** Which of them a variable is; keys have no number. */
const isOne = (node) => node?.type === "Identifier" && ONE.find((one) => node.name !== one && original(node.name) === one);
const identifier = (name) => ({ type: "Identifier", name });
const variable = (name, init) => ({
  type: "VariableDeclaration", kind: "let", declarations: [{ type: "VariableDeclarator", id: identifier(name), init }],
});
const asBlock = (body) => body.type === "BlockStatement" ? body :
  { type: "BlockStatement", body: [{ type: "ReturnStatement", argument: body }] };
const functionOf = (name, { params, body, async }) =>
  ({ type: "FunctionDeclaration", id: identifier(name), params, body: asBlock(body), async });

/** Replace every node below one by what `change` returns: a node, a list, or nothing. */
function replaced(node, change) {
  for (const [key, value] of Object.entries(node)) {
    if (Array.isArray(value)) {
      node[key] = value.flatMap((one) => one?.type ? replaced(one, change) ?? [] : [one]);
    } else if (value?.type) node[key] = replaced(value, change);
  }
  return change(node);
}

/** Give every variable that is not the module's own a name of its own, so that nothing can hide it. */
function uniquify(ast) {
  const shorthands = new Map();
  replaced(ast, (node) => {
    if (node.type === "Property" && node.shorthand) shorthands.set(node.value.left ?? node.value, node);
    return node;
  });
  let count = 0;
  const { scopes } = analyze(ast, SYNTAX);
  for (const scope of scopes) {
    if (scope.type === "global" || scope.type === "module" || scope.type === "class") continue;
    for (const { identifiers, references } of scope.variables) {
      if (!identifiers.length) continue; // `arguments`
      const name = `${identifiers[0].name}$${++count}`;
      for (const one of new Set([...identifiers, ...references.map((found) => found.identifier)])) {
        const property = shorthands.get(one);
        // One node is both, the key and the value.
        if (property) Object.assign(property, { shorthand: false, key: identifier(original(one.name)) });
        one.name = name;
      }
    }
  }
}

/** The variables and functions in the place of an object; `getters` are those that are called. */
function members(list, of, getters) {
  return list.map(({ kind, key, value }) => {
    const name = `${of}$${key.name}`;
    if (kind === "get") getters.add(name);
    return /Function/.test(value?.type) ? functionOf(name, value) : variable(name, value);
  });
}

/** The same of a class, whose `this` is the object. */
function instance({ body }, of, given, getters) {
  const constructor = body.body.find(({ kind }) => kind === "constructor");
  const fields = members(body.body.filter((one) => one !== constructor), of, getters);
  const names = new Set(fields.map((one) => one.declarations?.[0].id.name));
  const params = constructor.value.params.map((one, index) =>
    one.left ? variable(one.left.name, given[index] ?? one.right) : variable(one.name, given[index]));
  const statements = constructor.value.body.body.map((one) => {
    const { left, right } = one.expression ?? {};
    const name = left?.object?.type === "ThisExpression" && `${of}$${left.property.name}`;
    return name && !names.has(name) ? variable(name, right) : one;
  });
  return [...fields, ...params, ...statements].map((part) => replaced(part, (node) =>
    node.type === "ThisExpression" ? identifier(`${of}$0`) : node));
}

/** Take out what is only another name of a variable that never changes; refuse what is declared nowhere. */
function tidied(code) {
  const ast = parse(code, SYNTAX);
  const { scopes, globalScope } = analyze(ast, SYNTAX);
  const lost = globalScope.through.find(({ identifier: { name } }) => name.includes("$"));
  if (lost) throw new Error(`${lost.identifier.name} is declared nowhere`);
  const variables = scopes.flatMap((scope) => scope.variables);
  const isFixed = (one) => one.defs.length === 1 && one.references.every((found) => !found.isWrite() || found.init);
  const others = new Map();
  const gone = new Set();
  for (const one of variables) {
    const { init, id } = one.defs[0]?.node ?? {};
    if (init?.type !== "Identifier" || !id.name?.includes("$") || !isFixed(one)) continue;
    const target = variables.find(({ references }) => references.some((found) => found.identifier === init));
    if (!target || !isFixed(target)) continue;
    others.set(one.name, target.name);
    gone.add(one.defs[0].node);
  }
  return generate(replaced(ast, (node) => {
    if (node.type === "VariableDeclaration") {
      node.declarations = node.declarations.filter((one) => !gone.has(one));
      if (!node.declarations.length) return [];
    }
    if (node.type === "Identifier") while (others.has(node.name)) node.name = others.get(node.name);
    return node;
  }));
}

export function dissolve(source) {
  const ast = parse(source, SYNTAX);
  uniquify(ast);
  const nameOf = (node) => node.id?.name ?? node.declarations?.[0].id.name ?? "";
  const taken = (is) => {
    const found = ast.body.filter(is);
    ast.body = ast.body.filter((node) => !is(node));
    return found;
  };
  const classes = Object.fromEntries(taken((node) => nameOf(node) in CLASSES).map((node) => [nameOf(node), node]));
  const [maker] = taken((node) => nameOf(node) === MAKER);

  // What knows one of them, or calls what does, moves in.
  const knows = (node, names) => {
    let found = false;
    replaced(node, (one) => {
      found ||= one.type === "Identifier" && (isOne(one) || names.has(one.name));
      return one;
    });
    return found;
  };
  const moving = new Set();
  for (let before = -1; before !== moving.size;) {
    before = moving.size;
    for (const node of ast.body) {
      if (nameOf(node) && nameOf(node) !== HOST && knows(node, moving)) moving.add(nameOf(node));
    }
  }
  moving.delete("BywaySocket");
  const moved = taken((node) => moving.has(nameOf(node)));

  const getters = new Set();
  const inside = maker.body.body.flatMap((node) => {
    const { id, init } = node.declarations?.[0] ?? {};
    if (init?.type === "NewExpression" && init.callee.name in classes) {
      return instance(classes[init.callee.name], CLASSES[init.callee.name], init.arguments, getters);
    }
    if (id && isOne(id) === OBJECT && init.type === "ObjectExpression") {
      const own = init.properties.filter(({ key, value }) => original(value.name ?? "") !== key.name);
      const same = init.properties.filter((one) => !own.includes(one));
      return [...members(own, OBJECT, getters),
        ...same.filter(({ value }) => !isOne(value)).map(({ key, value }) => variable(`${OBJECT}$${key.name}`, value))];
    }
    return node.type === "ReturnStatement" ? [] : [node];
  });

  // The maker's own parameters, of which the last is an object of functions.
  const host = ast.body.find((node) => nameOf(node) === HOST);
  const at = host.body.body.findIndex((node) => node.declarations?.[0].init?.callee?.name === MAKER);
  const given = host.body.body[at].declarations[0].init.arguments;
  const listeners = maker.params.at(-1).name;
  const calls = new Map(given.at(-1).properties.map(({ key, value }) => [key.name, value.name]));
  host.body.body.splice(at, 1,
    ...maker.params.slice(0, -1).map(({ name }, index) => variable(name, given[index])), ...inside, ...moved);

  replaced(host, (node) => {
    if (node.type === "VariableDeclaration") {
      node.declarations = node.declarations.flatMap((one) => {
        const of = isOne(one.init);
        if (!of || one.id.type !== "ObjectPattern") return [one];
        if (one.id.properties.some(({ value }) => !value?.name)) throw new Error(`${of} is destructured with a default`);
        return one.id.properties.filter(({ value }) => !isOne(value)).map(({ key, value }) =>
          ({ type: "VariableDeclarator", id: value, init: { type: "MemberExpression", object: one.init, property: key } }));
      });
      if (!node.declarations.length) return [];
    }
    if (node.type === "MemberExpression" && !node.computed && node.object.name === listeners) {
      return identifier(calls.get(node.property.name));
    }
    if (node.params) node.params = node.params.filter((one) => !isOne(one));
    if (node.type === "CallExpression") node.arguments = node.arguments.filter((one) => !isOne(one));
    return node;
  });
  replaced(host, (node) => {
    if (node.type !== "MemberExpression" || node.computed) return node;
    const of = isOne(node.object);
    if (!of) return node;
    const inner = identifier(`${of}$${node.property.name}`);
    if (of === OBJECT && ONE.includes(node.property.name)) return identifier(`${node.property.name}$0`);
    return getters.has(inner.name) ? { type: "CallExpression", callee: inner, arguments: [] } : inner;
  });
  const zeros = ast.body.flatMap(({ declarations = [] }) => declarations)
    .filter(({ init }) => init?.value === 0).map(({ id }) => id.name);
  replaced(ast, (node) => {
    if (node.kind === "const") node.kind = "let";
    // The types are the same, but for what is compared with undefined, or with an object made of it.
    if (/^[!=]==$/.test(node.operator) && node.right.name !== "undefined" && node.left.callee?.name !== "Object") {
      node.operator = node.operator.slice(0, 2);
    }
    // What is compared with a constant that is 0 is a number.
    if (/^[!=]=$/.test(node.operator) && zeros.includes(node.right.name)) {
      const not = (argument) => ({ type: "UnaryExpression", operator: "!", prefix: true, argument });
      return node.operator === "==" ? not(node.left) : not(not(node.left));
    }
    if (isOne(node)) throw new Error(`${node.name} is used as a whole`);
    return node;
  });
  return tidied(generate(ast));
}
