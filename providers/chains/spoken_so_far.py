"""Which words a link has spoken so far: its sound beside the words that it was asked for.

Exact where the link tells word times, else estimated by the pace of its voice and the pauses in its sound. Owns sound
that was received and not let go yet, and where it may be cut. Pure: time is seconds of the sound itself.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from providers.chains.sound import Loudness, bytes_of, faded_out, seconds_of

LETTERS_PER_SECOND = 18.0
"""English speech without its pauses, spaces included: what is taken until a voice's own pace is known."""

_MARKS = tuple(",;:.!?…—–")
_PAUSE_SECONDS = 0.06  # of quiet that counts as a pause: it takes no letters
_PAUSE_AT_MARK_SECONDS = 0.09  # of quiet that is likely to stand at a mark
_DRIFT, _LEAST_DRIFT_SECONDS = 0.3, 0.15  # how far the estimate of a mark may be from its pause
_DIGIT_LETTERS = 3.0  # beside its own: "7" is five letters long
_SNAP_SECONDS = (
    0.08  # about a word's end as it is told or estimated: the true one is the quietest point there
)
_DOUBT_PER_SECOND = 0.15  # of estimates, which drift with the sound
_FAR_SECONDS = 0.3  # a pause so far from any word's end is inside a word
# A sound with less of what its text needs was cut short: quiet seconds at its end, share at the pace that is assumed,
# share at a pace that is known.
_EARLY = ((0.04, 0.85, 0.93), (0.08, 0.75, 0.85), (60.0, 0.6, 0.75))
_ALL_BUT = 0.12  # seconds of a word that nobody misses


def letters_of(word: str) -> float:
    """How long a word takes, in letters, the space after it included."""
    spoken = sum(letter.isalnum() for letter in word)
    digits = sum(letter.isdigit() for letter in word)
    return spoken + 1 + digits * _DIGIT_LETTERS


class Pace:
    """How fast a voice speaks, learnt from what it spoke whole."""

    def __init__(self) -> None:
        self.letters_per_second = LETTERS_PER_SECOND
        self._letters = 0.0
        self._seconds = 0.0

    @property
    def known(self) -> bool:
        """Whether enough was heard to trust it."""
        return self._seconds > 3.0

    def learn(self, letters: float, seconds: float) -> None:
        """Take a whole sound; what was learnt long ago counts less."""
        if letters < 8 or seconds < 0.4:
            return
        self._letters, self._seconds = 0.8 * self._letters + letters, 0.8 * self._seconds + seconds
        share = min(1.0, self._seconds / 2.0)
        self.letters_per_second = share * self._letters / self._seconds + (1 - share) * LETTERS_PER_SECOND


@dataclass(slots=True)
class _Word:
    text: str
    letters: float
    start: float | None = None  # as the link told it
    end: float | None = None


@dataclass(frozen=True, slots=True)
class Cut:
    """Where a sound ends that goes on no more: what of it is still to be heard, and how many words that makes."""

    pcm: bytes
    words: int


class Take:
    """The sound of one link for a row of words, as it comes."""

    def __init__(self, pace: Pace) -> None:
        self._pace = pace
        self._words: list[_Word] = []
        self._timed = 0
        self._time_base = 0.0
        self._sound = bytearray()
        self._loudness = Loudness()
        self.received = 0.0
        """Seconds of sound that came."""
        self.emitted = 0.0
        """Seconds of it that were let go."""
        self.whole = False
        """Whether no more comes and all words are in it."""

    def expect(self, words: Sequence[str]) -> None:
        """The link was asked for these words too."""
        self._words += [_Word(word, letters_of(word)) for word in words]

    def hear(self, pcm: bytes) -> None:
        """Sound came."""
        self._sound += pcm
        self._loudness.add(pcm)
        self.received += seconds_of(pcm)

    def time(self, word: str, start: float, end: float) -> None:
        """The link told when a word of its sound begins and ends; words come in order."""
        if self._timed and start < (self._words[self._timed - 1].start or 0.0) - self._time_base - 0.05:
            self._time_base = self.received  # it began to count anew
        for number in range(self._timed, min(self._timed + 4, len(self._words))):
            if _plain(self._words[number].text) == _plain(word):
                self._timed = number + 1
                self._words[number].start = self._time_base + start
                self._words[number].end = self._time_base + end
                return
        if self._timed < len(self._words) and _plain(word):  # it reads the word otherwise than it is written
            self._words[self._timed].start, self._words[self._timed].end = (
                self._time_base + start,
                self._time_base + end,
            )
            self._timed += 1

    def end(self) -> None:
        """The sound is whole: learn from it how fast the voice is."""
        self.whole = True
        self._pace.learn(self._letters, _Voiced(self._loudness).seconds)

    @property
    def held(self) -> float:
        """Seconds of sound that came and were not let go."""
        return self.received - self.emitted

    @property
    def sound(self) -> bytes:
        """All that came."""
        return bytes(self._sound)

    @property
    def exact(self) -> bool:
        """Whether the link tells the times of words."""
        return self._timed > 0

    @property
    def words_whole(self) -> int:
        """How many words have been received to their end; an estimate where the link tells no times."""
        if self.whole:
            return len(self._words)
        return sum(end <= self.received + 0.02 for _, end in self.times())

    @property
    def _letters(self) -> float:
        return sum(word.letters for word in self._words)

    def times(self) -> list[tuple[float, float]]:
        """Start and end of every word, seconds of this sound; told by the link or estimated."""
        if self.exact:
            return self._times_told()
        voiced = _Voiced(self._loudness)
        rate = self._pace.letters_per_second
        if self.whole and voiced.seconds > 0:
            rate = self._letters / voiced.seconds
        at, anchor, times = 0.0, 0.0, []
        for word in self._words:
            end = at + word.letters / rate
            if word.text.rstrip("\"'”’)]").endswith(_MARKS) and not self.whole:
                pause = voiced.pause_near(end, max(_LEAST_DRIFT_SECONDS, _DRIFT * (end - anchor)))
                if pause is not None and pause > at:
                    end = anchor = pause
            times.append((voiced.after(at), voiced.before(end)))
            at = end
        return times

    def _times_told(self) -> list[tuple[float, float]]:
        at, times = 0.0, []
        for word in self._words:
            start = word.start if word.start is not None else at
            at = word.end if word.end is not None else start + word.letters / self._pace.letters_per_second
            times.append((start, max(start, at)))
        return times

    def let_go(self, until: float) -> bytes:
        """The sound up to `until` seconds that was not let go yet."""
        begin, end = bytes_of(self.emitted), min(len(self._sound), bytes_of(until))
        if end <= begin:
            return b""
        self.emitted = seconds_of(self._sound[:end])
        return bytes(self._sound[begin:end])

    def skip(self, until: float) -> None:
        """Leave out the sound up to `until` seconds: another link has spoken its words."""
        self.let_go(until)

    def from_word(self, word: int) -> Take:
        """Its words from one on, with the sound from where that begins."""
        start = self.times()[word][0]
        before = self.times()[word - 1][1] if word else 0.0
        start = self.quietest(min(before, start), start) if word and start > before else start
        rest = Take(self._pace)
        rest.expect([one.text for one in self._words[word:]])
        rest.hear(self.sound[bytes_of(start) :])
        rest.skip(self.emitted - start)
        return rest

    def told_ends(self) -> list[float]:
        """When the words end whose times were told, each at the quietest point about it."""
        ends = (word.end or 0.0 for word in self._words[: self._timed])
        return [self._snapped(end, self.received) for end in ends]

    def pauses(self, begin: float, end: float) -> list[float]:
        """The middles of the pauses between two times."""
        middles = ((quiet + sound) / 2 for quiet, sound in self._loudness.pauses())
        return [middle for middle in middles if begin <= middle <= end]

    def quietest(self, begin: float, end: float) -> float:
        """The quietest point between two times."""
        return self._loudness.quietest(max(0.0, begin), min(end, self.received))

    def next_cut(self, begin: float, end: float) -> float | None:
        """The first point between two times at which it may be cut between two words; None where there is none."""
        return next((at for at, _ in self._cuts(begin, end)), None)

    def last_cut(self, begin: float, end: float) -> float | None:
        """The last such point."""
        cuts = self._cuts(begin, end)
        return cuts[-1][0] if cuts else None

    def _cuts(self, begin: float, end: float) -> list[tuple[float, int]]:
        """The points between words, with how many words are before each."""
        ends = [end for _, end in self.times()]
        if self.exact:
            told = enumerate(ends[: self._timed], start=1)
            near = ((at, count) for count, at in told if begin - _SNAP_SECONDS <= at <= end)
            cuts_told = [(self._snapped(at, end), count) for at, count in near]
            return [(at, count) for at, count in cuts_told if begin <= at <= end]
        cuts: dict[int, float] = {}
        pauses = self._loudness.pauses() if ends else []
        for pause in (max(begin, (quiet + sound) / 2) for quiet, sound in pauses if sound > begin):
            if pause > end:
                break
            count = min(range(len(ends)), key=lambda number: abs(ends[number] - pause)) + 1
            far = abs(ends[count - 1] - pause)
            if far < _FAR_SECONDS and (count not in cuts or far < abs(ends[count - 1] - cuts[count])):
                cuts[count] = pause
        return [(at, count) for count, at in sorted(cuts.items())]

    def _snapped(self, at: float, most: float) -> float:
        if at > most:
            return at
        return self._loudness.quietest(at - _SNAP_SECONDS, min(at + _SNAP_SECONDS, self.received - 0.01))

    def cut_short(self) -> bool:
        """Whether a sound that ended well lacks words: some that have no time, or too little sound for its text."""
        if not self._words:
            return False
        if self.exact:
            return self._timed < len(self._words) or (self._words[-1].end or 0.0) > self.received + 0.25
        letters = self._letters
        share = _Voiced(self._loudness).seconds * self._pace.letters_per_second / letters
        if letters < 12:
            return share < 0.2
        quiet = self._loudness.quiet_end()
        assumed, known = next((assumed, known) for most, assumed, known in _EARLY if quiet < most)
        return share < (known if self._pace.known else assumed)

    def cut(self) -> Cut:
        """End it where it is: as late as the words are known for sure, so that none is lost and none is doubled."""
        if self.whole:
            return Cut(self.let_go(self.received), len(self._words))
        if not self.exact and self.emitted == 0.0:
            return Cut(b"", 0)  # nobody heard any of it: it is spoken anew
        cuts = self._cuts(self.emitted - 0.02, self.received)
        if cuts and self.exact:
            at, count = cuts[-1]
        elif cuts:
            ends = [end for _, end in self.times()]
            at, count = min(
                cuts,
                key=lambda one: abs(ends[one[1] - 1] - one[0]) + _DOUBT_PER_SECOND * (one[0] - self.emitted),
            )
        else:
            at, count = self._cut_by_pace()
        if at <= self.emitted:
            return Cut(b"", count)
        return Cut(faded_out(self.let_go(at)), count)

    def _cut_by_pace(self) -> tuple[float, int]:
        """Where no pause helps: at the end of the word that is being heard, if that was received."""
        for count, (start, end) in enumerate(self.times(), start=1):
            if end < self.emitted + 0.02:
                continue
            if end <= self.received + _ALL_BUT:
                return min(self._snapped(min(end, self.received), self.received), self.received), count
            if start < self.emitted and self.emitted > end - _ALL_BUT:
                return self.emitted, count
            return self.emitted, count - 1
        return self.emitted, len(self._words)


class _Voiced:
    """The time of a sound without its pauses, and the way between that time and the sound's own."""

    def __init__(self, loudness: Loudness) -> None:
        begin, end = loudness.sounding()
        self._pauses = [one for one in loudness.pauses(_PAUSE_SECONDS) if begin < one[0] and one[1] < end]
        self._begin = begin
        self.seconds = end - begin - sum(sound - quiet for quiet, sound in self._pauses)

    def _places(self) -> Iterator[tuple[float, float, float]]:
        """Each pause: its voiced time, when it begins and when it ends."""
        lost = self._begin
        for quiet, sound in self._pauses:
            yield quiet - lost, quiet, sound
            lost += sound - quiet

    def before(self, at: float) -> float:
        """The sound's time at a voiced time; where that is a pause, its beginning."""
        lost = self._begin
        for place, quiet, sound in self._places():
            if place >= at - 1e-6:
                break
            lost += sound - quiet
        return at + lost

    def after(self, at: float) -> float:
        """The same with the end of the pause."""
        lost = self._begin
        for place, quiet, sound in self._places():
            if place > at + 1e-6:
                break
            lost += sound - quiet
        return at + lost

    def pause_near(self, at: float, far: float) -> float | None:
        """The voiced time of the pause nearest to `at` that is long enough for a mark; None where none is near."""
        long = [
            place for place, quiet, sound in self._places() if sound - quiet >= _PAUSE_AT_MARK_SECONDS - 1e-6
        ]
        near = [place for place in long if abs(place - at) <= far]
        return min(near, key=lambda place: abs(place - at)) if near else None


def _plain(word: str) -> str:
    return "".join(letter for letter in word.casefold() if letter.isalnum())
