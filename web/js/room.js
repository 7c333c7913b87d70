/*
 * The LiveKit room as the page sees it: connects, publishes the microphone, plays the others, and
 * turns the room's events into changes of the state. It decides nothing about messages or joining
 * again: it reports `lost`, `regained` and `ended` to its owner.
 */

import {
  ConnectionError,
  ConnectionErrorReason,
  DisconnectReason,
  LogLevel,
  ParticipantKind,
  Room,
  RoomEvent,
  RpcError,
  setLogLevel,
  Track,
} from "/vendor/livekit-client.esm.mjs";

import * as facts from "./state.js";
import { listen } from "./streams.js";

setLogLevel(LogLevel.warn); // its info lines carry whole join requests
const LEVELS_EVERY_MS = 120;

export class DebateRoom {
  /** `change(fn)` alters the state and draws it; `report` has lost, regained, ended, moderator, ready. */
  constructor({ change, report, sounds }) {
    this.change = change;
    this.report = report;
    this.sounds = sounds; // the element that audio elements are put into
    this.room = null;
    this.levels = 0;
    this.greeted = ""; // identity of the moderator that was reported ready
  }

  get agent() {
    // A killed moderator's ghost stays for about 20 s beside its successor: the newest one counts.
    const agents = [...(this.room?.remoteParticipants.values() ?? [])].filter(isAgent);
    return agents.sort(byJoining).at(-1) ?? null;
  }

  async connect(url, token) {
    const room = new Room({ disconnectOnPageLeave: true, stopLocalTrackOnUnpublish: true });
    this.room = room;
    this.#wire(room);
    try {
      await room.connect(url, token);
    } catch (error) {
      this.room = null;
      throw error;
    }
    this.levels = setInterval(() => this.#readLevels(), LEVELS_EVERY_MS);
    this.change((state) => {
      state.connection = "connected";
      state.me = room.localParticipant.identity;
      state.soundBlocked = !room.canPlaybackAudio;
      const everybody = [room.localParticipant, ...room.remoteParticipants.values()];
      for (const participant of everybody.sort(byJoining)) this.#meet(state, participant);
    });
    this.#moderatorChanged();
  }

  async leave() {
    const room = this.room;
    this.#forget();
    await room?.disconnect();
  }

  /** Throws getUserMedia's error when there is no microphone to be had. */
  async microphone(on) {
    const options = { echoCancellation: true, noiseSuppression: true, autoGainControl: true };
    await this.room.localParticipant.setMicrophoneEnabled(on, options);
  }

  startSound() {
    return this.room?.startAudio();
  }

  async send(text) {
    const room = this.room;
    const { id } = await room.localParticipant.sendText(text, { topic: "lk.chat" });
    this.change((state) =>
      facts.message(state, { identity: room.localParticipant.identity, text, id, at: Date.now() }),
    );
  }

  /** One command to the moderator; answers its JSON, throws an Error with words to show. */
  async command(name, args = {}) {
    const agent = this.agent;
    if (!agent) throw new Error("No moderator is in the room at the moment.");
    try {
      const answer = await this.room.localParticipant.performRpc({
        destinationIdentity: agent.identity,
        method: `sage.${name}`,
        payload: JSON.stringify(args),
      });
      return JSON.parse(answer || "null");
    } catch (error) {
      throw new Error(refusal(error));
    }
  }

  #wire(room) {
    const mine = (handler) => (...args) => {
      if (this.room === room) handler(...args); // events of a room that was left are nobody's
    };
    const on = (event, handler) => room.on(event, mine(handler));

    on(RoomEvent.ParticipantConnected, (participant) => {
      this.change((state) => this.#meet(state, participant));
      if (isAgent(participant)) this.#moderatorChanged();
    });
    on(RoomEvent.ParticipantDisconnected, (participant) => {
      this.change((state) => facts.depart(state, participant.identity, Date.now()));
      if (isAgent(participant)) this.#moderatorChanged();
    });
    on(RoomEvent.ParticipantAttributesChanged, (_changed, participant) => {
      this.change((state) => this.#meet(state, participant));
      if (isAgent(participant)) this.#moderatorChanged();
    });
    for (const event of [
      RoomEvent.ParticipantNameChanged,
      RoomEvent.TrackMuted,
      RoomEvent.TrackUnmuted,
      RoomEvent.TrackPublished,
      RoomEvent.TrackUnpublished,
      RoomEvent.LocalTrackPublished,
      RoomEvent.LocalTrackUnpublished,
    ]) {
      on(event, (_subject, participant) => participant && this.change((state) => this.#meet(state, participant)));
    }
    on(RoomEvent.ActiveSpeakersChanged, (speakers) => this.#speaking(new Set(speakers.map((one) => one.identity))));
    on(RoomEvent.TrackSubscribed, (track) => track.kind === Track.Kind.Audio && this.sounds.append(track.attach()));
    on(RoomEvent.TrackUnsubscribed, (track) => track.detach().forEach((element) => element.remove()));
    on(RoomEvent.AudioPlaybackStatusChanged, () =>
      this.change((state) => {
        state.soundBlocked = !room.canPlaybackAudio;
      }),
    );
    for (const event of [RoomEvent.Reconnecting, RoomEvent.SignalReconnecting]) {
      on(event, () => this.report.lost());
    }
    on(RoomEvent.Reconnected, () => this.#reconnected(room));
    on(RoomEvent.Disconnected, (reason) => {
      this.#forget();
      this.report.ended(ending(reason));
    });
    listen(room, {
      isAgent: (identity) => isAgent(room.remoteParticipants.get(identity)),
      on: {
        caption: mine((one) => this.change((state) => facts.caption(state, { ...one, at: Date.now() }))),
        chat: mine((one) => this.change((state) => facts.message(state, { ...one, at: Date.now() }))),
        note: mine((one) => this.change((state) => facts.note(state, { ...one, at: Date.now() }))),
      },
    });
  }

  #reconnected(room) {
    this.change((state) => {
      // Whoever left while we were away has sent us no farewell.
      for (const person of state.people.values()) {
        const here = person.identity === state.me || room.remoteParticipants.has(person.identity);
        if (person.present && !here) facts.depart(state, person.identity, Date.now());
      }
      for (const participant of room.remoteParticipants.values()) this.#meet(state, participant);
    });
    this.#moderatorChanged();
    this.report.regained();
  }

  #meet(state, participant) {
    const publication = participant.getTrackPublication(Track.Source.Microphone);
    facts.meet(state, participant.identity, {
      name: participant.name || participant.identity,
      agent: isAgent(participant),
      role: participant.attributes?.["sage.role"] ?? "",
      microphone: Boolean(publication),
      muted: publication ? publication.isMuted : false,
    });
    // A microphone that was unplugged mutes itself: the button must not go on saying "on".
    const shown = state.microphone === "on" || state.microphone === "muted";
    if (participant.isLocal && publication && shown) state.microphone = publication.isMuted ? "muted" : "on";
  }

  #moderatorChanged() {
    const agent = this.agent;
    this.change((state) => {
      const before = state.moderator.identity;
      if (agent) facts.moderatorAttributes(state, agent.identity, agent.name, agent.attributes ?? {});
      else state.moderator = { ...facts.absentModerator(), topic: state.moderator.topic, persona: state.moderator.persona };
      if (before !== state.moderator.identity) this.report.moderator(Boolean(agent), Boolean(before));
    });
    // It is seen before it takes commands; its attributes come once it does.
    if (agent?.attributes?.["sage.debate_id"] && agent.identity !== this.greeted) {
      this.greeted = agent.identity;
      this.report.ready();
    }
  }

  #speaking(identities) {
    this.change((state) => {
      const at = Date.now();
      for (const person of state.people.values()) {
        facts.setSpeaking(state, person.identity, identities.has(person.identity), at);
      }
    });
  }

  #readLevels() {
    const room = this.room;
    if (!room?.activeSpeakers.length) return;
    this.change((state) => {
      for (const participant of room.activeSpeakers) {
        const person = state.people.get(participant.identity);
        if (person) person.level = Math.min(1, participant.audioLevel * 1.6);
      }
    });
  }

  #forget() {
    this.room = null;
    this.greeted = "";
    clearInterval(this.levels);
    this.sounds.replaceChildren();
  }
}

function isAgent(participant) {
  return participant?.kind === ParticipantKind.AGENT;
}

function byJoining(one, other) {
  return (one.joinedAt?.getTime() ?? 0) - (other.joinedAt?.getTime() ?? 0);
}

/** Why the room let us go: a name of messages.js, "lost" when joining again is worth trying. */
function ending(reason) {
  switch (reason) {
    case DisconnectReason.DUPLICATE_IDENTITY:
      return "other-tab";
    case DisconnectReason.PARTICIPANT_REMOVED:
      return "removed";
    case DisconnectReason.ROOM_DELETED:
    case DisconnectReason.ROOM_CLOSED:
      return "closed";
    default:
      return "lost";
  }
}

/** Why connecting failed, as a name of messages.js. */
export function connectTrouble(error) {
  return error instanceof ConnectionError && error.reason === ConnectionErrorReason.NotAllowed
    ? "token-refused"
    : "unreachable";
}

function refusal(error) {
  if (!(error instanceof RpcError)) return "The moderator could not be asked. Check the connection and try again.";
  const builtIn = Object.values(RpcError.ErrorCode).includes(error.code);
  if (!builtIn || error.code === RpcError.ErrorCode.APPLICATION_ERROR) {
    return error.message || "The moderator refused.";
  }
  return error.code === RpcError.ErrorCode.UNSUPPORTED_METHOD
    ? "This moderator does not take that command yet. Try again in a moment."
    : "The moderator did not answer. Try again in a moment.";
}
