// An answer as Markdown for pasting elsewhere: each [n] a link, the sources listed below.
import { safeUrl } from "/static/links.js";

export function asMarkdown({ question, answer, cited }) {
  const links = new Map(cited.map((passage) => [passage.number, safeUrl(passage.url)]));
  const linked = outsideCode(answer, (text) =>
    text.replace(/\[(\d{1,3})\](?!\()/g, (mark, number) => (links.get(Number(number)) ? `[${mark.replace(/[[\]]/g, "\\$&")}](<${links.get(Number(number))}>)` : mark)));
  const list = cited.map((passage) => `${passage.number}. ${entry(passage)}`);
  return [`**${question}**`, linked, ...(list.length ? [`Sources:\n\n${list.join("\n")}`] : [])].join("\n\n") + "\n";
}

function entry(passage) {
  const name = (passage.header || passage.title).replace(/[\\[\]<>*_`]/g, "\\$&");
  const url = safeUrl(passage.url);
  return url ? `[${name}](<${url}>)` : name;
}

/** Apply a change to the text between code, never within it. */
function outsideCode(markdown, change) {
  return markdown.split(/(```[^]*?(?:```|$)|`[^`\n]*`)/).map((part, index) => (index % 2 ? part : change(part))).join("");
}
