/*
 * Reads what arrives from outside: the moderator's attributes and its answers. Malformed JSON becomes
 * an empty value, never an error, and whatever is read is bounded. Text stays plain data here.
 */

export function clip(text, limit) {
  const plain = String(text ?? "");
  return plain.length > limit ? plain.slice(0, limit) + "…" : plain;
}

export function agentState(value) {
  if (value === "listening" || value === "thinking" || value === "speaking") return value;
  return value === "idle" ? "listening" : "arriving";
}

function parse(json) {
  try {
    return JSON.parse(json || "null");
  } catch {
    return null;
  }
}

export function list(json) {
  const value = parse(json);
  return Array.isArray(value) ? value.filter((item) => typeof item === "string").slice(0, 50) : [];
}

/** `sage.services` as lines to read: a list of names, or an object of name -> what is wrong. */
export function degraded(json) {
  const value = parse(json);
  if (Array.isArray(value)) return value.map((item) => clip(describe(item), 120)).filter(Boolean).slice(0, 8);
  if (value && typeof value === "object") {
    return Object.entries(value)
      .map(([part, trouble]) => clip([part, describe(trouble)].filter(Boolean).join(": "), 120))
      .slice(0, 8);
  }
  return [];
}

/** Who receives what is said; null where any part of it is not told, as an empty list says "nobody". */
export function receivers(json) {
  const value = parse(json);
  const names = (list) => list.filter((name) => typeof name === "string").slice(0, 8).map((name) => clip(name, 60));
  if (![value?.audio, value?.text, value?.voice].every(Array.isArray)) return null;
  const checks = Array.isArray(value.checks) ? names(value.checks) : [];
  return { audio: names(value.audio), text: names(value.text), voice: names(value.voice), checks };
}

function describe(value) {
  if (typeof value === "string") return value;
  if (value && typeof value === "object") return [value.name ?? value.part, value.reason ?? value.state].filter(Boolean).join(": ");
  return "";
}

// --- what the format asks of people ---------------------------------------------------------------

const STATUSES = ["open", "ready", "running", "paused", "preparing", "over"];
const COUNT_MAX = 100_000;

/** Nothing to choose, to vote on or to hand in, as in an open discussion. */
export function nothingAsked() {
  return {
    status: "open", // of the format's clock: open | ready | running | paused | preparing | over
    kind: "", // of the running part: speech, crossfire, vote ...
    side: "", // whose part it is, "" for everybody's
    next: "", // what the next part is called
    left: 0, // seconds on a clock that is stopped
    sides: new Map(), // side -> identities
    vote: null, // {choices, votes: [{number, name, cast, counts}], swing, won}
    point: { window: "none", by: "", taken: false },
    prep: null, // {left: Map side -> seconds, side, open}
    ballots: null, // identities of the judges who have handed in, null where judges decide nothing
    checks: false,
  };
}

export function asked(attributes) {
  const course = objectOf(attributes["sage.course"]);
  const point = objectOf(attributes["sage.point"]);
  const status = attributes["sage.status"];
  return {
    status: STATUSES.includes(status) ? status : "open",
    kind: clip(course.kind, 40),
    side: clip(course.side, 80),
    next: clip(course.next, 80),
    left: count(course.left),
    sides: new Map(Object.entries(objectOf(attributes["sage.sides"])).slice(0, 8).map(([side, members]) => [side, names(members)])),
    vote: vote(parse(attributes["sage.vote"])),
    point: {
      window: ["open", "closed"].includes(point.window) ? point.window : "none",
      by: typeof point.by === "string" ? point.by : "",
      taken: point.taken === true,
    },
    prep: attributes["sage.prep"] ? preparation(objectOf(attributes["sage.prep"])) : null,
    checks: attributes["sage.checks"] === "on", // claims can be checked now
    ballots: attributes["sage.ballots"] ? list(attributes["sage.ballots"]) : null,
  };
}

function vote(told) {
  if (!Array.isArray(told?.choices) || !Array.isArray(told.votes) || told.votes.length === 0) return null;
  const choices = names(told.choices).slice(0, 9);
  const counted = (list) => (Array.isArray(list) && list.length === choices.length ? list.map(count) : null);
  return {
    choices,
    votes: told.votes.slice(0, 8).map((one) => ({
      number: count(one?.number),
      name: clip(one?.name, 80),
      cast: count(one?.cast),
      counts: counted(one?.counts), // null while it is open
    })),
    swing: counted(told.swing),
    won: Array.isArray(told.won) ? names(told.won).slice(0, 9) : null, // [] for a draw, null while undecided
  };
}

function preparation(told) {
  const left = Object.entries(told.left && typeof told.left === "object" ? told.left : {}).slice(0, 8);
  return {
    left: new Map(left.map(([side, seconds]) => [side, count(seconds)])),
    side: clip(told.side, 80),
    open: told.open === true,
  };
}

/** The formats as {name, title}, by title. */
export function formats(told) {
  return Object.entries(objectOf(told))
    .slice(0, 60)
    .map(([name, title]) => ({ name, title: clip(title, 80) }))
    .sort((one, other) => one.title.localeCompare(other.title));
}

/** What this page's person has voted in the open vote, and handed in, as the moderator tells that person alone. */
export function mine(told) {
  const { vote, ballot } = objectOf(told);
  const points = Object.entries(objectOf(objectOf(ballot).points)).filter(([, given]) => Number.isFinite(given)).slice(0, 20);
  return {
    vote: vote ? { number: count(vote.number), choice: clip(vote.choice, 80) } : null,
    ballot: ballot ? { decision: clip(ballot.decision, 80), reasons: clip(ballot.reasons, 1000), points: new Map(points) } : null,
  };
}

function names(value) {
  return (Array.isArray(value) ? value : []).filter((item) => typeof item === "string").slice(0, 200);
}

function count(value) {
  return Number.isFinite(value) ? Math.max(-COUNT_MAX, Math.min(COUNT_MAX, Math.round(value))) : 0;
}

/** The object that is given, or that is meant by a text of JSON; an empty one for anything else. */
function objectOf(given) {
  const value = typeof given === "string" ? parse(given) : given;
  return value && typeof value === "object" && !Array.isArray(value) ? value : {};
}
