// Inline Markdown: code, bold, italic, escapes and citation marks. Links and raw HTML stay plain text.

// Underscores never mark emphasis: in technical answers they belong to names such as __init__ and read_text.
const TOKEN = new RegExp(
  [
    /\\(?<escaped>[!-/:-@[-`{-~])/,
    /(?<tick>`+)(?!`)(?<code>[^]*?[^`])\k<tick>(?!`)/,
    /\*\*(?![\s*])(?<bold>[^]*?[^\s*])\*\*(?!\*)/,
    /(?<![\w*])\*(?![\s*])(?<italic>[^*]*?[^\s*])\*(?![\w*])/,
    /\[(?<cited>\d{1,3})\](?!\()/,
  ]
    .map((part) => part.source)
    .join("|"),
  "g",
);

/** Nodes for a run of text. `cite(number)` gives the node for [number], or null if nothing is cited by it. */
export function inline(text, cite, depth = 0) {
  const nodes = [];
  let end = 0;
  for (const match of text.matchAll(TOKEN)) {
    if (match.index > end) nodes.push(text.slice(end, match.index));
    nodes.push(...nodesFor(match, cite, depth));
    end = match.index + match[0].length;
  }
  if (end < text.length) nodes.push(text.slice(end));
  return nodes;
}

function nodesFor(match, cite, depth) {
  const { escaped, code, bold, italic, cited } = match.groups;
  if (escaped !== undefined) return [escaped];
  if (code !== undefined) return [wrap("code", [code.replace(/^ (?=.*\S)(.*) $/s, "$1")])];
  if (cited !== undefined) return [cite(Number(cited)) ?? match[0]];
  const inner = bold ?? italic;
  // Emphasis nests only as deep as people write it; beyond that the marks are shown as they are.
  if (depth > 2) return [match[0]];
  return [wrap(bold === undefined ? "em" : "strong", inline(inner, cite, depth + 1))];
}

function wrap(tag, children) {
  const node = document.createElement(tag);
  node.append(...children);
  return node;
}
