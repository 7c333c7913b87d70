/*
 * The web service as the page uses it. Every failure becomes an ApiError that carries the code and
 * the words of the service's problem document, so that the caller can show them; it shows nothing
 * itself.
 */

export class ApiError extends Error {
  constructor({ status = 0, code = "offline", detail = "", fields = new Map() }) {
    super(detail || code);
    this.status = status;
    this.code = code;
    this.detail = detail;
    this.fields = fields; // request field -> what to change
  }
}

const TIMEOUT_MS = 15_000;

async function call(method, path, body) {
  let response;
  try {
    response = await fetch(path, {
      method,
      headers: { Accept: "application/json", ...(body ? { "Content-Type": "application/json" } : {}) },
      body: body ? JSON.stringify(body) : undefined,
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
  } catch {
    throw new ApiError({});
  }
  const answer = await response.json().catch(() => null);
  if (response.ok && answer !== null) return answer;
  throw problem(response.status, answer ?? {});
}

function problem(status, document) {
  const fields = new Map();
  for (const { field, problem: text } of Array.isArray(document.errors) ? document.errors : []) {
    fields.set(String(field), String(text));
  }
  const detail = String(document.detail ?? document.title ?? `The server answered with ${status}.`);
  return new ApiError({ status, code: String(document.code ?? `http-${status}`), detail, fields });
}

/** Leaves out what was left empty: the service then takes its own default. */
function given(fields) {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value));
}

export const personas = () => call("GET", "/personas");

/** Opens the debate, or finds the one that is under way; without a topic the service's own is taken. */
export const openDebate = ({ room, name, topic, persona }) =>
  topic
    ? call("POST", "/debate", given({ room_name: room, participant_name: name, topic, persona }))
    : summonModerator({ room, persona });

export const participantToken = ({ room, name, topic, persona, role, rejoin }) =>
  call("POST", "/participant-token", given({ room_name: room, participant_name: name, topic, persona, role, rejoin }));

export const summonModerator = ({ room, topic, persona }) =>
  call("POST", "/launch-ai-agents", given({ room_name: room, topic, persona }));
