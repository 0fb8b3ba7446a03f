// Cuts Markdown into blocks. Pure: text in, plain objects out. An unfinished block (streaming) is still a block.

const FENCE = /^ {0,3}(`{3,}|~{3,})\s*([\w+#.-]*)[^`]*$/;
const HEADING = /^ {0,3}(#{1,6})\s+(.*?)(?:\s+#+)?\s*$/;
const RULE = /^ {0,3}([-*_])(?: *\1){2,} *$/;
const QUOTE = /^ {0,3}> ?/;
const ITEM = /^( *)([-*+]|\d{1,9}[.)])( +|$)/;
const TABLE_RULE = /^ *\|? *:?-+:? *(?:\| *:?-+:? *)*\|? *$/;
const DEEPEST = 6;

/** The blocks of a text: `{type, raw, …}`. Types: code, heading, rule, quote, list, table, paragraph. */
export function blocks(text, depth = 0) {
  const lines = text.replace(/\r\n?/g, "\n").split("\n");
  const found = [];
  let at = 0;
  while (at < lines.length) {
    if (lines[at].trim() === "") {
      at += 1;
      continue;
    }
    const [block, next] = (depth < DEEPEST && starting(lines, at, depth)) || paragraph(lines, at);
    found.push({ ...block, raw: lines.slice(at, next).join("\n") });
    at = next;
  }
  return found;
}

function starting(lines, at, depth) {
  const line = lines[at];
  if (FENCE.test(line)) return code(lines, at);
  if (HEADING.test(line)) {
    const [, marks, text] = HEADING.exec(line);
    return [{ type: "heading", level: marks.length, text }, at + 1];
  }
  if (RULE.test(line)) return [{ type: "rule" }, at + 1];
  if (QUOTE.test(line)) {
    const next = until(lines, at, (other) => !QUOTE.test(other));
    const inner = lines.slice(at, next).map((quoted) => quoted.replace(QUOTE, ""));
    return [{ type: "quote", blocks: blocks(inner.join("\n"), depth + 1) }, next];
  }
  if (ITEM.test(line)) return list(lines, at, depth);
  if (line.includes("|") && TABLE_RULE.test(lines[at + 1] ?? "") && lines[at + 1].includes("|")) return table(lines, at);
  return null;
}

function code(lines, at) {
  const [, fence, language] = FENCE.exec(lines[at]);
  const closes = (line) => line.trim().startsWith(fence) && line.trim().replaceAll(fence[0], "") === "";
  const end = until(lines, at + 1, closes);
  return [{ type: "code", language, text: lines.slice(at + 1, end).join("\n") }, Math.min(end + 1, lines.length)];
}

function list(lines, at, depth) {
  const [, indent, marker] = ITEM.exec(lines[at]);
  const ordered = /\d/.test(marker);
  const items = [];
  let next = at;
  for (;;) {
    const match = ITEM.exec(lines[next] ?? "");
    if (!match || match[1].length > indent.length + 1 || /\d/.test(match[2]) !== ordered) break;
    const width = match[0].length;
    const end = until(lines, next + 1, (line, index) => endsItem(lines, line, index, indent.length));
    const inner = [lines[next].slice(width), ...lines.slice(next + 1, end).map((line) => dedent(line, width))];
    items.push(blocks(inner.join("\n"), depth + 1));
    next = end;
  }
  return [{ type: "list", ordered, start: ordered ? parseInt(marker, 10) : 1, items }, next];
}

/** A line ends an item if it starts a sibling, or stands unindented after a blank line or as another block. */
function endsItem(lines, line, index, indent) {
  if (line.trim() === "") return false;
  const inset = line.length - line.trimStart().length;
  if (ITEM.test(line)) return inset <= indent + 1;
  if (inset > indent) return false;
  return lines[index - 1].trim() === "" || FENCE.test(line) || HEADING.test(line) || QUOTE.test(line);
}

function table(lines, at) {
  const next = until(lines, at + 2, (line) => !line.includes("|"));
  return [{ type: "table", head: cells(lines[at]), rows: lines.slice(at + 2, next).map(cells) }, next];
}

const cells = (line) =>
  line.trim().replace(/^\||(?<!\\)\|$/g, "").split(/(?<!\\)\|/).map((cell) => cell.trim().replaceAll("\\|", "|"));

function paragraph(lines, at) {
  const ends = (line) => line.trim() === "" || FENCE.test(line) || HEADING.test(line) || QUOTE.test(line) || ITEM.test(line);
  const next = until(lines, at + 1, ends);
  return [{ type: "paragraph", text: lines.slice(at, next).map((line) => line.trim()).join("\n") }, next];
}

function until(lines, from, stop) {
  let index = from;
  while (index < lines.length && !stop(lines[index], index)) index += 1;
  return index;
}

const dedent = (line, width) => line.slice(Math.min(width, line.length - line.trimStart().length));
