/*
 * The one `render(state)`: which view is shown, the notices, and the two views' own drawing. It may
 * be called any number of times with the same state and then changes nothing.
 */

import { icon, keyed, make, text } from "./dom.js";
import { createDebateView } from "./render-debate.js";
import { createLobby } from "./render-lobby.js";
import { drawPapers } from "./render-papers.js";

export function createRender(actions) {
  const lobby = createLobby(actions);
  const renderDebate = createDebateView(actions);
  const views = { lobby: document.getElementById("lobby"), debate: document.getElementById("debate") };
  let shown = "";

  function showView(state) {
    const name = state.phase === "debate" ? "debate" : "lobby";
    if (name === shown) return;
    for (const dialog of document.querySelectorAll("dialog[open]")) dialog.close(); // they belong to the debate
    views.lobby.hidden = name !== "lobby";
    views.debate.hidden = name !== "debate";
    // Whoever came by keyboard goes on from here, not from the top of a view that is gone.
    if (shown) document.getElementById(name === "debate" ? "mute" : "name").focus();
    window.scrollTo(0, 0);
    shown = name;
  }

  function render(state) {
    lobby.render(state);
    if (state.phase === "debate") renderDebate(state);
    showView(state);
    drawPapers(state);
    drawNotices(state, actions);
    const topic = state.moderator.topic || state.topic;
    const title = state.phase === "debate" && topic ? `${topic} – Sage` : "Sage – a moderated debate";
    if (document.title !== title) document.title = title;
  }

  return { render, fill: lobby.fill };
}

function drawNotices(state, actions) {
  keyed(
    document.getElementById("notices"),
    [...state.notices.values()],
    (notice) => notice.key,
    (notice) => createNotice(notice, actions),
    (element, notice) => {
      element.className = `notice ${notice.kind}`;
      text(element.querySelector("strong"), notice.title);
      text(element.querySelector("p"), notice.text ?? "");
    },
  );
}

function createNotice(notice, actions) {
  const words = make("div", "", [make("strong"), make("p")]);
  const close = make("button", "close", [icon("close")]);
  close.type = "button";
  close.setAttribute("aria-label", `Dismiss: ${notice.title}`);
  close.addEventListener("click", () => actions.dismiss(notice.key));
  const parts = [words];
  if (notice.action) {
    const button = make("button", "", notice.label);
    button.type = "button";
    button.addEventListener("click", () => actions[notice.action]());
    parts.push(button);
  }
  return make("div", "", [...parts, close]);
}
