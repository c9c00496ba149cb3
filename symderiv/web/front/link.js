// The form's state as a link, and back: after the # sign, so that no server sees it.

const FIELDS = { f: "text", find: "kind", order: "order", at: "at", with: "other", assume: "assume" };
const LONGEST_LINK = 20000;

/** The state that an address holds, or null where it holds none. */
export function read(hash) {
  if (hash.length > LONGEST_LINK) return null;
  const given = new URLSearchParams(hash.replace(/^#/, ""));
  if (!given.has("f")) return null;
  const state = { shapes: {} };
  for (const [key, name] of Object.entries(FIELDS)) if (given.has(key)) state[name] = given.get(key);
  state.wrt = given.get("by") ?? "";
  for (const [key, value] of given) if (key.startsWith("shape.")) state.shapes[key.slice(6)] = value;
  return state;
}

/** The address's part after the # sign for a state; what is empty is left out. */
export function write(state) {
  const found = new URLSearchParams();
  for (const [key, name] of Object.entries(FIELDS)) if (state[name]) found.set(key, state[name]);
  if (state.wrt) found.set("by", state.wrt);
  for (const [name, shape] of Object.entries(state.shapes ?? {})) found.set(`shape.${name}`, shape);
  return "#" + found.toString();
}
