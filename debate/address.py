"""Is the moderator spoken to, or only of? Vocative forms in recognised speech, without any LLM.

Owns the finding of an address in one utterance, and of an utterance that is not finished. Case and
punctuation are hints only. Remembers nothing: debate.py joins a bare "Moderator." with the question after it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from debate import lexicon as lex
from debate.grammar import intent
from debate.vocative import Call, calls
from debate.words import Token, tokens

DEFAULT_TITLES = (
    *("facilitator", "neutral facilitator", "time keeper", "devil's advocate", "socratic questioner"),
    *(
        "topic expert",
        "fact checker",
        "madam chair",
        "mister chair",
        "mr chair",
        "mr chairman",
        "mister chairman",
    ),
)


@dataclass(frozen=True, slots=True)
class Address:
    """The moderator was spoken to. `rest` is what was said to it, "" for a bare call; `how` names the form."""

    rest: str
    how: str  # opening, closing, within, bare


def find_address(
    text: str, names: Iterable[str] = (), titles: Sequence[str] = DEFAULT_TITLES
) -> Address | None:
    """How `text` speaks to the moderator, or None where it does not, or wants no answer ("Thank you, Sage").

    `names` are the people in the room, `titles` what the moderator is called besides its function and name.
    """
    words = tokens(text)
    first_names = frozenset(name.split()[0].lower() for name in names if name.split())
    asked = text.rstrip().endswith("?")
    for call in calls(words, titles, first_names):
        found = _Judge(text, words, call, first_names, asked).verdict()
        if found is not None:
            return found
    return None


def looks_unfinished(text: str) -> bool:
    """Whether more is likely to follow: a bare call, or an end that no sentence has ("..., and", "because")."""
    stripped = text.rstrip()
    words = tokens(stripped)
    if not words:
        return False
    if words[-1].word in lex.UNFINISHED:
        return not stripped.endswith("?")
    address = find_address(stripped)
    if stripped.endswith(","):
        # recognisers put a comma behind whole questions too ("Sage, who has the floor,")
        return not intent(address.rest if address is not None else stripped)
    if stripped.endswith(("-", "–", "—", "...", "…", ":")):
        return True
    return address is not None and address.how == "bare"


def sounds_finished(text: str) -> bool:
    """Whether `text` asks the moderator something whole: a request that the grammar knows, or a marked question."""
    address = find_address(text)
    if address is None or not address.rest or looks_unfinished(text):
        return False
    return text.rstrip().endswith("?") or bool(intent(address.rest))


@dataclass(slots=True)
class _Judge:
    """One place where an utterance may call the moderator, and what stands on both sides of it."""

    text: str
    words: list[Token]
    call: Call
    names: frozenset[str]
    asked: bool

    @property
    def before(self) -> list[Token]:
        """The words of the same sentence before the call."""
        start = self.call.first
        while start > 0 and self.words[start].gap != ".":
            start -= 1
        return self.words[start : self.call.first]

    @property
    def after(self) -> list[Token]:
        """The words of the same sentence after the call."""
        end = self.call.last
        while end < len(self.words) and self.words[end].gap != ".":
            end += 1
        return self.words[self.call.last : end]

    @property
    def gap_left(self) -> str:
        return self.words[self.call.first].gap

    @property
    def gap_right(self) -> str:
        return self.words[self.call.last].gap if self.call.last < len(self.words) else "."

    # --- verdicts --------------------------------------------------------------------------------------------

    def verdict(self) -> Address | None:
        before, after = self.before, self.after
        if self._is_thing(before, after):
            return None
        if all(token.word in lex.OPENERS for token in before):
            return self._opening(before, after)
        if self._misheard_article(before, after):
            return Address(self._from(self.call.last), "opening")
        return self._within(before, after) if after else self._closing(before)

    def _opening(self, before: list[Token], after: list[Token]) -> Address | None:
        answered = {token.word for token in before} & lex.ANSWERING
        if not after:
            return self._alone(before, bool(answered))
        rest = self._from(self.call.last)
        if self._acknowledges(after):
            later = self._from(self.call.last + len(after))
            return Address(later, "opening") if later and self._requests(tokens(later)) else None
        if all(token.word in lex.FILLERS for token in after):
            return Address("", "bare")
        if answered:
            return Address(rest, "opening") if self._requests_surely(after, rest) else None
        if self.call.kind.startswith("heard"):
            return Address(rest, "opening") if self._opens_misheard(after, rest) else None
        return Address(rest, "opening") if self._right_is_speech(after, self.gap_right) else None

    def _alone(self, before: list[Token], answered: bool) -> Address | None:
        """The call is a sentence of its own: the question may stand before or after it."""
        later = self._from(self.call.last)
        earlier = self.text[: before[0].start if before else self.words[self.call.first].start].strip()
        if later and not answered:
            surely = not self.call.kind.startswith("heard") or self._requests_surely(tokens(later), later)
            return Address(later, "opening") if surely else None
        if later and self._requests(tokens(later)):
            return Address(later, "opening")
        if answered or (before and all(token.word in lex.AGREEING for token in before)):
            return None
        if earlier and self._requests(_last_sentence(tokens(earlier))):
            return Address(earlier, "closing")
        if self.call.kind in ("heard-name", "heard-common"):
            return None
        return Address("", "bare")

    def _closing(self, before: list[Token]) -> Address | None:
        """The call ends a sentence: "..., Sage?" """
        sentence = self.text[before[0].start : before[-1].end]
        later = self._from(self.call.last)
        requests = self._requests(before) or (self.asked and not later)
        if self._acknowledges(before) or (self._thanks(before) and not self._asks(before)):
            return Address(later, "opening") if later and self._requests(tokens(later)) else None
        accepted = Address(f"{sentence} {later}".strip(), "closing")
        if self.call.kind.startswith("heard"):
            return accepted if self._closes_misheard(before, sentence) else None
        if self.gap_left == ",":
            return accepted if requests or not self._listed(before) else None
        if self._left_binds(before, final=True):
            return None
        closing = before[-1].word in lex.CLOSING_WORDS and before[-1].word != "that"
        return accepted if requests or closing else None

    def _opens_misheard(self, after: list[Token], rest: str) -> bool:
        """What follows a word that only sounds like the moderator's name leaves no other reading."""
        if self._requests_surely(after, rest):
            return True
        if self.call.kind == "heard-common":
            return False
        if after[0].word in lex.AUX or (after[0].word in lex.CALLING_NOUNS and self.gap_right == ""):
            return False
        # Nobody begins "Stage, I think": the noun would need a verb.
        said = after[0].word in lex.SPEECH_OPENERS or after[0].word in self.names
        return bool(intent(rest)) or (self.gap_right == "," and said)

    def _closes_misheard(self, before: list[Token], sentence: str) -> bool:
        """ "Could you summarise that, Page?", which is often heard without its comma: "that stage"."""
        known = bool(intent(sentence))
        if self.gap_left == ",":
            you = any(token.word in ("you", "your") for token in before)
            return known or (
                self.call.kind != "heard-common" and (you or self.asked) and self._requests(before)
            )
        asking_you = before[0].word in lex.AUX and len(before) > 3 and before[1].word == "you"
        return (known or asking_you) and before[-1].word in lex.CLOSING_WORDS

    def _within(self, before: list[Token], after: list[Token]) -> Address | None:
        """The call stands in the middle of a sentence, with or without commas around it."""
        if self.call.kind.startswith("heard") and self.gap_left != ",":
            return None
        rest = self._from(self.call.last)
        both = Address(f"{self.text[before[0].start : before[-1].end]} {rest}".strip(), "within")
        surely = self._requests_surely(after, rest)
        if self.call.kind.startswith("heard"):
            return Address(rest, "within") if surely else None
        if self.gap_left == "" and self._left_binds(before, final=False):
            return None
        if before[-1].word in ("ask", "asked", "told", "tell", "called", "named"):
            return None
        if surely:
            return Address(rest, "within")
        if before[-1].word in ("me", "us") and self._imperative(before):
            return both
        parenthetic = self.gap_left == "," and self.gap_right == ","
        if parenthetic and not self._listed(before) and self._right_is_speech(after, ","):
            return both
        # "Could you summarise that, Sage, before we go on", "..., Sage I lost track".
        finished = self._requests(before) and after[0].word not in lex.PREDICATE_OPENERS
        return both if finished and (self.gap_left == "," or self.gap_right == ",") else None

    # --- signs -----------------------------------------------------------------------------------------------

    def _from(self, index: int) -> str:
        return self.text[self.words[index].start :].strip() if index < len(self.words) else ""

    def _is_thing(self, before: list[Token], after: list[Token]) -> bool:
        """The herb, the adjective, or a noun that the function only qualifies ("moderator bias")."""
        if self.call.kind in ("name", "heard-name", "heard-common"):
            others = {token.word for token in (*before, *after)}
            if self.call.kind == "name" and others & lex.HERBS:
                return True
            return bool(after) and after[0].word in lex.SAGE_NOUNS
        return bool(after) and self.gap_right == "" and after[0].word in lex.MODERATOR_NOUNS

    def _misheard_article(self, before: list[Token], after: list[Token]) -> bool:
        """ "A moderator, how much time is left?": the recogniser put an article before the call."""
        if self.call.kind not in ("function", "title") or not after:
            return False
        opening = [token for token in before if token.word not in lex.OPENERS]
        if before[-1].word not in ("a", "the", "our") or len(opening) > 2:
            return False
        if len(opening) == 2:
            return self.gap_right == "," and after[0].word in lex.MODALS and self._inverted(after, sure=True)
        word = after[0].word
        if word in ("who", "which", "that", "whose"):
            return self.asked and self.gap_right == ","
        if self.gap_right == ",":
            return self._requests(after) and (word in lex.WH or self._inverted(after, sure=True))
        return (word in ("how", "what", "when", "why", "where") or word in lex.MODALS) and self._requests(
            after
        )

    def _acknowledges(self, words: Sequence[Token]) -> bool:
        if any(token.word not in lex.ACKNOWLEDGING for token in words):
            return False
        return not self._inverted(words, sure=True)

    def _thanks(self, before: list[Token]) -> bool:
        return any(token.word in lex.THANKS for token in before[:4])

    def _listed(self, before: list[Token]) -> bool:
        """The name is one of several: "Ben, Sage and I", "parsley, sage"."""
        names = [token for token in before if token.word in self.names]
        return len(before) <= 2 and len(names) == len(before)

    def _left_binds(self, before: list[Token], *, final: bool) -> bool:
        """What stands before without a comma makes the name a part of the sentence: "ask Sage", "a moderator"."""
        last = before[-1].word
        if last == "that":
            return not final or not self._requests(before[:-1])
        if last in ("this", "these", "those"):
            return not final
        if last in lex.BINDING:
            # "where are we at Sage", "what is it for moderator": a question may end in its preposition.
            return not (final and last in lex.STRANDED and before[0].word in lex.WH)
        # "a very good moderator": an article, then only adjectives.
        index = len(before) - 1
        while index >= 0 and _adjectival(before[index].word) and before[index].gap != ".":
            index -= 1
        return index < len(before) - 1 and index >= 0 and before[index].word in lex.NOUN_OPENERS

    def _right_is_speech(self, after: Sequence[Token], gap: str) -> bool:
        """What follows the call is said to the moderator, rather than of it."""
        word = after[0].word
        direct = gap == "," or self.asked or self.call.kind == "function"
        if word in lex.REPORTING and not (direct and self._inverted(after, sure=False)):
            return False
        if word in lex.FILLERS and len(after) > 1:
            return self._right_is_speech(after[1:], gap or after[1].gap)
        wording = " ".join(token.word for token in after)
        if word in lex.AUX:
            return self._inverted(after, sure=False) or bool(intent(wording, opening=True))
        if word == "a" and len(after) > 1 and after[1].word in lex.CALLING_NOUNS:
            return True
        if word in lex.WH or word in lex.SUBJECTS or word in lex.POSSESSIVES or word in self.names:
            return True
        if word in lex.IMPERATIVES or word in lex.CALLING_NOUNS:
            return gap == "," or self._imperative(after) or bool(intent(wording))
        if word in ("if", "when", "before", "since", "after") and len(after) > 1 and after[1].word == "i":
            return gap == "," or self.call.kind == "function"
        if word in ("and", "or", "but") or word in lex.PREPOSITIONS or word in lex.CONJUNCTIONS:
            return self._requests(after[1:]) or (gap == "," and word not in ("and", "or", "of"))
        return gap == ","

    def _imperative(self, after: Sequence[Token]) -> bool:
        if after[0].word not in lex.REQUEST_OPENERS:
            return False
        if len(after) == 1:
            return True
        following = after[1].word
        return (
            following in lex.AFTER_IMPERATIVE
            or following in self.names
            or following in lex.FILLERS
            or following in ("of", "check")
        )

    def _inverted(self, words: Sequence[Token], *, sure: bool) -> bool:
        """Words that begin with an auxiliary are a question: "is that fair", not "is a hard job"."""
        if words[0].word not in lex.AUX or len(words) < 2:
            return False
        aux, subject = words[0].word, words[1].word
        if aux in ("do", "don't") and (subject == "not" or aux == "don't"):
            return True
        if subject in lex.SUBJECTS or subject in self.names:
            return len(words) > 2 or subject in ("i", "you", "we") or self.asked or not sure
        if subject in lex.DETERMINERS:
            # "has the floor" and "is the one" are said of somebody; "can the audience vote" is a question.
            if aux in lex.MODALS or aux in lex.DO:
                return True
            return self.asked or words[-1].word in lex.PREDICATES
        return self.asked and aux in lex.DO | lex.MODALS and subject not in ("be", "have", "not", "never")

    def _requests(self, words: Sequence[Token]) -> bool:
        """Somewhere in `words` a question or a request begins."""
        if not words:
            return False
        if self._imperative([token for token in words if token.word not in lex.FILLERS] or words):
            return True
        return self._asks(words) or bool(intent(" ".join(token.word for token in words)))

    def _asks(self, words: Sequence[Token]) -> bool:
        """Somewhere in `words` a question begins, told by its form."""
        for index, token in enumerate(words):
            following = words[index + 1].word if index + 1 < len(words) else ""
            if token.word in lex.WH and (following in lex.AUX or following in lex.HOW or "'" in token.word):
                return True
            if token.word in lex.WH and index == 0 and following:
                return True
            told = index > 0 and words[index - 1].word in ("what", "that", "than", "as")
            if token.word in lex.ASKING_AUX and following in ("you", "we", "i") and not told:
                return True
            if (
                token.word in lex.AUX
                and (index == 0 or token.gap)
                and self._inverted(words[index:], sure=True)
            ):
                return True
        return False

    def _requests_surely(self, after: Sequence[Token], rest: str) -> bool:
        """What follows could hardly be anything but a request to the moderator: needed where the call is not sure."""
        if self.call.kind == "heard-common":
            return bool(intent(rest)) and (self.gap_right != "" or len(after) > 2)
        words = list(after)
        while len(words) > 1 and words[0].word in lex.LEADING:
            words = words[1:]
        word = words[0].word
        following = words[1].word if len(words) > 1 else ""
        if word in lex.WH:
            short = len(words) < 3  # "Sage, what now?"
            return short or following in lex.AFTER_WH or "'" in word or bool(intent(rest))
        if word in lex.AUX:
            return self._inverted(words, sure=True)
        if word in lex.IMPERATIVES:
            return self._imperative(words) or bool(intent(rest))
        return (
            bool(intent(rest)) and self.call.kind not in ("heard-name", "name") and word in lex.CALLING_NOUNS
        )


def _adjectival(word: str) -> bool:
    return word in lex.ADJECTIVES or (len(word) > 5 and word.endswith(lex.ADJECTIVE_ENDINGS))


def _last_sentence(words: list[Token]) -> list[Token]:
    starts = [index for index, token in enumerate(words) if token.gap == "."]
    return words[starts[-1] :] if starts else words
