/*
 * Every message the page shows about trouble, as data: what happened, what to do now, and the
 * action its button offers. It decides nothing; the callers know which of these applies.
 */

export const MESSAGES = Object.freeze({
  "mic-denied": {
    kind: "warning",
    title: "The microphone is blocked",
    text: "You can listen and type. To speak, allow the microphone for this page in the browser's address bar, then try again.",
    action: "microphone",
    label: "Try the microphone again",
  },
  "mic-missing": {
    kind: "warning",
    title: "No microphone was found",
    text: "You can listen and type. Plug a microphone in, then try again.",
    action: "microphone",
    label: "Try the microphone again",
  },
  "mic-busy": {
    kind: "warning",
    title: "The microphone could not be started",
    text: "Another program may be using it. You can listen and type meanwhile.",
    action: "microphone",
    label: "Try the microphone again",
  },
  "mic-insecure": {
    kind: "warning",
    title: "This address gets no microphone",
    text: "Browsers give the microphone only to https:// pages and to localhost. You can listen and type here; open the page over https to speak.",
  },
  "sound-blocked": {
    kind: "warning",
    title: "The browser holds the sound back",
    text: "Nothing can be heard until you allow it once.",
    action: "sound",
    label: "Turn the sound on",
  },
  reconnecting: {
    kind: "warning",
    title: "Connection lost",
    text: "Trying to get back in. You may not be heard meanwhile.",
  },
  reconnected: { kind: "success", title: "Connected again", text: "You can be heard.", seconds: 6 },
  lost: {
    kind: "error",
    title: "The connection is still lost",
    text: "The page goes on trying.",
    action: "rejoin",
    label: "Try now",
  },
  "moderator-absent": {
    kind: "info",
    title: "No moderator is here yet",
    text: "One has been called and usually takes a few seconds. You can talk meanwhile; it hears only what is said after it came.",
    action: "summon",
    label: "Call again",
  },
  "moderator-left": {
    kind: "warning",
    title: "The moderator has dropped out",
    text: "Another one is being called and takes over where this one was.",
    action: "summon",
    label: "Call again",
  },
  "summon-failed": { kind: "error", title: "The moderator could not be called", action: "summon", label: "Call again" },
  "not-sent": { kind: "error", title: "Your message was not sent", text: "Check the connection and send it again.", seconds: 10 },
  "other-tab": {
    kind: "error",
    title: "You joined somewhere else",
    text: "The same name came into this debate from another window, so this one has stopped.",
    action: "rejoin",
    label: "Join here instead",
  },
  removed: { kind: "error", title: "You were taken out of the debate", text: "Someone who runs it removed you." },
  closed: { kind: "info", title: "The debate is over", text: "The room has been closed. Join again to start a new one." },
  "token-refused": {
    kind: "error",
    title: "You were not let in",
    text: "The room refused this page's token. Join once more; if that fails too, the clock or the keys of the server are wrong.",
  },
  unreachable: {
    kind: "error",
    title: "The debate room cannot be reached",
    text: "The page works, the audio server does not answer. Check the network, then join again.",
  },
  offline: {
    kind: "error",
    title: "The server does not answer",
    text: "Check the network, then join again.",
  },
  unsupported: {
    kind: "error",
    title: "This browser cannot take part",
    text: "It has no WebRTC. Use a current Firefox, Chrome, Edge or Safari.",
  },
});

/** What went wrong with a microphone, by the name of getUserMedia's error. */
export function microphoneTrouble(error, mediaDevices = navigator.mediaDevices) {
  if (!mediaDevices?.getUserMedia) return "mic-insecure";
  switch (error?.name) {
    case "NotAllowedError":
    case "SecurityError":
      return "mic-denied";
    case "NotFoundError":
    case "OverconstrainedError":
      return "mic-missing";
    default:
      return "mic-busy";
  }
}
