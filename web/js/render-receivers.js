/*
 * Draws who hears the debate: the companies that get sound and words, as the moderator names them.
 * It reads the state and changes nothing but elements.
 */

import { keyed, make, text } from "./dom.js";

const NOBODY = "nobody outside this server";
const PARTS = [
  ["audio", "Voices, to be understood"],
  ["text", "What was said, as text"],
  ["voice", "The moderator’s words, to be spoken"],
];

export function drawReceivers(state) {
  const told = state.moderator.receivers;
  const box = document.getElementById("receivers");
  box.hidden = told === null;
  if (told === null) return;
  const rows = PARTS.map(([part, label]) => ({ label, names: inOrder(told[part]) }));
  if (told.checks.length) rows.push({ label: "Claims that somebody asks to have checked", names: inOrder(told.checks) });
  if (state.carrier) rows.push({ label: "All sound, to be carried", names: state.carrier });
  keyed(document.getElementById("receivers-list"), rows, (row) => row.label, createRow, (element, row) => {
    text(element.querySelector("dd"), row.names);
  });
}

function createRow(row) {
  return make("div", "", [make("dt", "", row.label), make("dd")]);
}

/** The first one gets it; the others only while those before them fail. */
function inOrder([first, ...others]) {
  if (first === undefined) return NOBODY;
  return [first, ...others.map((name, index) => `${name} if ${index === 0 ? "that fails" : "those fail"}`)].join(", ");
}
