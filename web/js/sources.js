/*
 * The sources of a fact check: from whatever a remark carries to a few links that are safe to show.
 * Titles stay text and addresses are those of the web, or there is no link. No DOM.
 */

const MOST = 5;
const MAX_TITLE = 160;
const MAX_URL = 500;

/** [{title, url, host}] of a remark's data; [] where it names none that can be followed. */
export function sourcesOf(data) {
  const named = Array.isArray(data?.sources) ? data.sources.slice(0, 50) : [];
  return named.map(sourceOf).filter(Boolean).slice(0, MOST);
}

function sourceOf(entry) {
  if (typeof entry?.url !== "string" || entry.url.length > MAX_URL) return null;
  try {
    const { protocol, username, password, href, host } = new URL(entry.url);
    if (!["http:", "https:"].includes(protocol) || username || password) return null;
    const title = typeof entry.title === "string" ? entry.title.trim().slice(0, MAX_TITLE) : "";
    return { title: title || host, url: href, host };
  } catch {
    return null;
  }
}
