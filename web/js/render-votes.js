/*
 * Draws the votes that have closed: a bar and a number for each choice, and what has swung between the
 * first vote and the last. The moderator counts; nothing is added up here but percentages.
 */

import { attribute, make, text } from "./dom.js";
import { capital, verdictOf } from "./procedure.js";

const SWING = "Swing";
let drawn = "";

/** True where there is a result to show. */
export function drawResult(state) {
  const told = state.moderator.asked.vote;
  const closed = told?.votes.filter((one) => one.counts) ?? [];
  const figure = document.getElementById("result");
  figure.hidden = closed.length === 0;
  if (closed.length === 0) return false;
  text(document.getElementById("verdict"), verdictOf(told));
  const shown = JSON.stringify(told);
  if (shown === drawn) return true; // drawn anew only where a number has changed
  drawn = shown;
  document.getElementById("result-table").replaceChildren(head(closed, told.swing), body(told, closed));
  document.getElementById("swing-hint").hidden = told.swing === null;
  return true;
}

function head(closed, swing) {
  const names = ["Choice", ...closed.map((one) => capital(one.name)), ...(swing ? [SWING] : [])];
  const cells = names.map((name) => {
    const cell = make("th", "", name);
    cell.scope = "col";
    if (name === SWING) cell.className = "swing";
    return cell;
  });
  return make("thead", "", [make("tr", "", cells)]);
}

function body({ choices, swing, won }, closed) {
  const rows = choices.map((choice, index) => {
    const name = make("th", "", capital(choice));
    name.scope = "row";
    const counts = closed.map((one) => counted(one.counts[index], one.cast, index));
    const row = make("tr", won?.length === 1 && won[0] === choice ? "won" : "", [name, ...counts]);
    if (swing) row.append(make("td", "swing", signed(swing[index])));
    return row;
  });
  return make("tbody", "", rows);
}

function counted(count, cast, index) {
  const percent = cast > 0 ? Math.round((count / cast) * 100) : 0;
  const bar = make("span", `vote-bar choice-${index}`, [make("span")]);
  attribute(bar, "aria-hidden", "true");
  bar.firstElementChild.style.width = `${percent}%`;
  return make("td", "", [bar, make("span", "number", String(count)), " ", make("span", "number", `(${percent} %)`)]);
}

function signed(change) {
  return change > 0 ? `+${change}` : change < 0 ? `−${-change}` : "0";
}
