/*
 * What this person may do in this format at this moment, as plain data: groups of controls, and the
 * facts that everybody reads. It follows the moderator's own rules so that nothing is offered in vain;
 * the moderator decides all the same, and what it refuses is shown in the group.
 *
 * A group: {key, legend, words, buttons: [{key, label, act, args, pressed, strong, sure}],
 * options}. `sure` is asked before the act is done.
 */

const DEBATING = new Set(["host", "debater"]);
const BALLOT_SPEAKERS = 14; // a command carries 16 arguments, two of which are the decision and the reasons

/** The role that the signed token gives; who has none is taken for a debater, as the moderator does. */
export function roleOf(state, identity = state.me) {
  return state.people.get(identity)?.role || "debater";
}

/** Whether this person may have a claim checked: whoever takes part, where the moderator can look things up. */
export function mayCheck(state) {
  return state.moderator.asked.checks && ["host", "debater", "judge"].includes(roleOf(state));
}

/** The side that somebody is on, "" for none. */
export function sideOf(state, identity) {
  for (const [side, members] of state.moderator.asked.sides) if (members.includes(identity)) return side;
  return "";
}

/** The host runs the debate; where none is here, the debaters do. */
function runs(state) {
  const role = roleOf(state);
  const hosted = [...state.people.values()].some((one) => one.present && !one.agent && one.role === "host");
  return role === "host" || (role === "debater" && !hosted);
}

export function groupsOf(state) {
  if (!state.moderator.identity || !state.people.has(state.me)) return [];
  return [vote, hand, point, side, ownSpeech, preparation, ballot, course, format].map((group) => group(state)).filter(Boolean);
}

// --- what everybody may ---------------------------------------------------------------------------

function openVote(state) {
  const last = state.moderator.asked.vote?.votes.at(-1);
  return last && last.counts === null ? last : null;
}

function vote(state) {
  const open = openVote(state);
  if (!open) return null;
  const mine = state.mine.vote?.number === open.number ? state.mine.vote.choice : "";
  return {
    key: "vote",
    legend: `${capital(open.name)}: how do you vote?`,
    words: mine ? `You have voted “${mine}”. You can change it until the vote closes.` : "Nobody else in the room sees what you choose.",
    buttons: state.moderator.asked.vote.choices.map((choice) => ({
      key: choice,
      label: capital(choice),
      act: "vote",
      args: { choice },
      pressed: choice === mine,
    })),
  };
}

// --- what debaters may ------------------------------------------------------------------------------

/** Where no format says who speaks, a raised hand does. */
function hand(state) {
  const { queue, asked } = state.moderator;
  if (asked.status !== "open" || !DEBATING.has(roleOf(state))) return null;
  const place = queue.indexOf(state.me);
  const words = place > 0 ? `${counted(place, "hand is", "hands are")} up before yours.` : "You are called as soon as nobody speaks.";
  return {
    key: "hand",
    legend: "Your hand",
    words: place < 0 ? "" : words,
    buttons: [
      place < 0
        ? { key: "raise", label: "Raise my hand", act: "hand" }
        : { key: "lower", label: "Lower my hand", act: "unhand", pressed: true },
    ],
  };
}

function point(state) {
  const { floor, asked } = state.moderator;
  const { window, by, taken } = asked.point;
  if (!DEBATING.has(roleOf(state)) || (window === "none" && !by)) return null;
  const group = { key: "point", legend: "Point of information", words: "", buttons: [] };
  const from = by && nameOf(state, by);
  if (floor === state.me) {
    if (!by) return null;
    if (taken) return { ...group, words: `${from} has fifteen seconds.` };
    const buttons = [
      { key: "accept", label: "Accept", act: "accept", strong: true },
      { key: "decline", label: "Decline", act: "decline" },
    ];
    return { ...group, legend: `${from} offers a point of information`, buttons };
  }
  if (by === state.me) return { ...group, words: taken ? "Your point: you have fifteen seconds." : "Offered. The speaker may take it or not." };
  if (by || !floor || sameSide(state, floor)) return null;
  if (window === "closed") return { ...group, words: "Protected time: no points now." };
  return { ...group, buttons: [{ key: "offer", label: "Offer a point", act: "point" }] };
}

function sameSide(state, identity) {
  const own = sideOf(state, state.me);
  return own !== "" && own === sideOf(state, identity);
}

function side(state) {
  const { sides, status } = state.moderator.asked;
  const own = sideOf(state, state.me);
  const role = roleOf(state);
  const begun = status !== "ready" && status !== "open";
  // A debater who comes late may still choose; a host without a side has chosen not to debate.
  const choosing = !begun || (status !== "over" && role === "debater" && own === "");
  if (!DEBATING.has(role) || sides.size === 0 || !choosing) return null;
  return {
    key: "side",
    legend: "Your side",
    words: own || begun ? "" : "Who chooses none is given the smaller side at the start.",
    buttons: [...sides].map(([name, members]) => ({
      key: name,
      label: capital(name),
      note: members.map((one) => nameOf(state, one)).join(", ") || "nobody yet",
      act: "side",
      args: { side: name },
      pressed: name === own,
    })),
  };
}

function ownSpeech(state) {
  const { floor, asked } = state.moderator;
  // A part that belongs to everybody is not one person's to end.
  if (floor !== state.me || asked.status !== "running" || !asked.side) return null;
  return {
    key: "yield",
    legend: "Your speech",
    words: "",
    buttons: [{ key: "yield", label: "Yield the rest of my time", act: "yield" }],
  };
}

function preparation(state) {
  const { prep } = state.moderator.asked;
  if (!prep?.open || !DEBATING.has(roleOf(state))) return null;
  const own = sideOf(state, state.me);
  const sides = [...prep.left.keys()].filter((one) => prep.left.get(one) > 0 && (one === own || (!own && runs(state))));
  if (sides.length === 0) return null;
  return {
    key: "prepare",
    legend: "Preparation time",
    words: "",
    buttons: sides.map((one) => ({
      key: one,
      label: one === own ? `Take preparation time, ${clock(prep.left.get(one))} left` : `Preparation for ${one}, ${clock(prep.left.get(one))} left`,
      act: "prepare",
      args: { side: one },
    })),
  };
}

// --- what judges may --------------------------------------------------------------------------------

function ballot(state) {
  const { ballots, status } = state.moderator.asked;
  if (ballots === null || roleOf(state) !== "judge" || status === "ready" || status === "open") return null;
  const handedIn = ballots.includes(state.me);
  return {
    key: "ballot",
    legend: "Your ballot",
    words: handedIn ? "It is handed in. You can still change it." : "Nobody else in the room sees it.",
    buttons: [{ key: "ballot", label: handedIn ? "Change my ballot" : "Fill in my ballot", open: "ballot", strong: !handedIn }],
  };
}

/** Who is judged: everybody on a side, as {identity, name, side}. */
export function judged(state) {
  return [...state.moderator.asked.sides]
    .flatMap(([name, members]) => members.map((identity) => ({ identity, name: nameOf(state, identity), side: name })))
    .slice(0, BALLOT_SPEAKERS);
}

// --- what the host may ------------------------------------------------------------------------------

const RUNNING = {
  open: ["end"],
  ready: ["start"],
  running: ["next", "pause", "extend", "again", "end"],
  paused: ["resume", "next", "extend", "again", "end"],
  preparing: ["resume", "end"],
};

function course(state) {
  const { status, next } = state.moderator.asked;
  const offered = RUNNING[status] ?? [];
  if (offered.length === 0 || !runs(state)) return null;
  const buttons = {
    start: { label: "Start the debate", act: "start", strong: true },
    next: { label: next ? "Next part" : "End the last part", act: "next" },
    pause: { label: "Pause the clock", act: "pause" },
    resume: { label: status === "preparing" ? "End the preparation" : "Resume the clock", act: "resume", strong: true },
    extend: { label: "One minute more", act: "extend", args: { seconds: "60" } },
    again: { label: "Start this part over", act: "again" },
    end: { label: "End the debate", act: "end", sure: "End the debate for everybody?" },
  };
  return {
    key: "course",
    legend: "Run the debate",
    words: "",
    buttons: offered.map((key) => ({ key, ...buttons[key] })),
  };
}

function format(state) {
  const { status } = state.moderator.asked;
  if (!runs(state) || state.formats.length === 0 || !["open", "ready", "over"].includes(status)) return null;
  return {
    key: "format",
    legend: "Format of the debate",
    words: "",
    options: { label: "Format", name: "format", chosen: state.moderator.format, of: state.formats },
    buttons: [{ key: "format", label: "Choose", act: "format" }],
  };
}

// --- what everybody reads ---------------------------------------------------------------------------

/** Short lines on where the debate stands. */
export function factsOf(state) {
  const { status, next, prep, ballots } = state.moderator.asked;
  const open = openVote(state);
  const judges = [...state.people.values()].filter((one) => one.present && one.role === "judge").length;
  return [
    status === "paused" && "The clock is stopped",
    status === "over" && "The debate is over",
    prep?.side && `${capital(prep.side)} is preparing`,
    open && `${capital(open.name)}: ${counted(open.cast, "vote", "votes")} so far`,
    prep && !prep.side && status !== "over" && `Preparation left: ${[...prep.left].map(([one, left]) => `${one} ${clock(left)}`).join(", ")}`,
    ballots !== null && (ballots.length > 0 || judges > 0) && `Ballots in: ${ballots.length} of ${Math.max(judges, ballots.length)}`,
    next && status !== "over" && `Next: ${next}`,
  ].filter(Boolean);
}

/** What a screen reader says when it changes: what opens or closes for this person, not every count. */
export function newsOf(state) {
  const { asked } = state.moderator;
  const open = openVote(state);
  const offered = point(state);
  return [
    asked.status === "paused" && "The clock is stopped.",
    asked.prep?.side && `${capital(asked.prep.side)} is preparing.`,
    open && `${capital(open.name)} is open.`,
    !open && asked.vote && verdictOf(asked.vote),
    offered && `${offered.legend}. ${offered.words}`,
  ].filter(Boolean).join(" ");
}

/** Who has won by the votes that have closed, in words; "" while a vote is still to come. */
export function verdictOf({ votes, swing, won }) {
  if (won === null) return "";
  if (votes.at(-1).cast === 0) return "Nobody has voted.";
  if (won.length === 0) return "It is a draw.";
  return `${capital(won.join(" and "))} wins${swing ? " by the larger swing" : ""}.`;
}

function nameOf(state, identity) {
  return state.people.get(identity)?.name ?? identity;
}

function counted(number, one, many) {
  return `${number} ${number === 1 ? one : many}`;
}

export function capital(words) {
  return words.charAt(0).toLocaleUpperCase() + words.slice(1);
}

export function clock(seconds) {
  const left = Math.max(0, Math.round(seconds));
  return `${Math.floor(left / 60)}:${String(left % 60).padStart(2, "0")}`;
}
