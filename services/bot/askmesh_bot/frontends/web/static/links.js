// The only place that decides what may become a link.

/** The address as an absolute URL if it is http or https (paths are the bot's own), else null. */
export function safeUrl(address) {
  if (typeof address !== "string" || address === "") return null;
  let url;
  try {
    url = new URL(address, location.origin);
  } catch {
    return null;
  }
  return url.protocol === "https:" || url.protocol === "http:" ? url.href : null;
}

/** Where a passage stands, in words: its file or site, and its lines. */
export function whereabouts(passage) {
  const parts = [passage.path || hostOf(passage.url) || passage.document || passage.source];
  if (passage.line_start) {
    const last = passage.line_end && passage.line_end !== passage.line_start ? `–${passage.line_end}` : "";
    parts.push(`line${last ? "s" : ""} ${passage.line_start}${last}`);
  }
  return parts.filter(Boolean).join(" · ");
}

function hostOf(address) {
  const url = safeUrl(address);
  return url && new URL(url).origin !== location.origin ? new URL(url).host : "";
}
