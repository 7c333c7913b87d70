"""The word classes by which an address is told from a mention. Only data: closed classes of English.

Kept apart from address.py so that the rules there can be read; a word more here needs no code.
"""

from __future__ import annotations

from debate.words import words_of

# What may stand before a name that opens a sentence: "So, Sage, ...", "Excuse me moderator, ...".
OPENERS = words_of(
    "so well okay ok alright hey hi hello excuse me sorry please yes no yeah but and um uh er erm hm"
    " now actually dear mr mister mrs ms madam madame sir right good morning evening afternoon day oh"
    " ah look listen wait yo hold on one moment then also again all thank thanks you very much pardon"
    " just quick quickly question finally first second secondly anyway anyhow or nope yep greetings"
    " hallo all-right further fine great to be honest my dear esteemed honourable honorable come here"
    " there a minute second"
) - {"a", "my", "to", "or", "here", "there", "be", "come"}
THANKS = words_of("thank thanks cheers")
# Answers to the moderator or to others: words of which a sentence may consist without asking for anything.
ACKNOWLEDGING = words_of(
    "thank thanks you very much so a lot many again cheers yes no yeah yep nope okay ok alright right"
    " sure of course certainly absolutely exactly understood agreed agree true fair enough good great"
    " fine nice point sorry apologies my got it will do i understand see noted no problem never mind"
    " all well said indeed perfect done for that this the dear bye goodbye night correct i'm"
)
FILLERS = words_of(
    "please um uh er erm so well now just then also again really actually maybe perhaps first sorry"
    " okay ok yes no quickly hey hm right finally still only kindly too anyway once more excuse me"
    " pardon oh ah honestly seriously today quick one last"
)
WH = words_of(
    "who what when where why how which whose whom what's who's how's where's when's why's whats whos"
    " how'd what're who'd who'll what'll"
)
BE = words_of("is was are were am isn't wasn't aren't weren't")
HAVE = words_of("has had have hasn't haven't hadn't")
DO = words_of("do does did don't doesn't didn't")
MODALS = words_of(
    "can could would should will may might must shall can't couldn't wouldn't shouldn't won't cannot"
)
AUX = BE | HAVE | DO | MODALS
SUBJECTS = words_of(
    "i you we he she they it there this that these those anyone anybody someone somebody everyone"
    " everybody nobody i'm i've i'd i'll you're you've we're we've it's that's there's they're he's"
    " she's y'all everything nothing something none most neither both people let's lets"
)
POSSESSIVES = words_of("my our your his her their its")
DETERMINERS = POSSESSIVES | words_of(
    "a an the some any every each no another which what whose whatever either neither this that these those"
)
# As a determiner before a name these always make it a noun: "the moderator". "that Sage" may be "that, Sage".
HARD_DETERMINERS = DETERMINERS - words_of("what which that this these those no either neither whatever")
PREPOSITIONS = words_of(
    "to with from for of by about as like at on in than without under against via into onto upon"
    " towards toward between behind beside near over through per regarding concerning unlike despite"
    " besides including plus called named"
)
CONJUNCTIONS = words_of(
    "and or but if because whether while although though unless until since whereas nor plus"
)
# Verbs whose object the name is when it follows: "ask Sage", "I told Sage", "we need moderator".
OBJECT_VERBS = words_of(
    "ask asked asking asks tell told telling tells call called calling calls hear heard hearing hears"
    " see saw seen let lets make makes made making want wants wanted need needs needed love loves"
    " loved like likes liked trust trusts trusted blame blames blamed believe believes believed help"
    " helps helped give gives gave given use uses used using become becomes became elect elected"
    " choose chose chosen add adds added eat ate burn burning burned grow grows grew growing buy"
    " bought plant planted meet met know knows knew love follow followed obey invite invited thanked"
    " thank question interrupt interrupted ignore ignored respect respects attack attacked quote"
    " quoted cite cited hate hates miss remember replace replaced play played playing mean means meant"
    " without inform informed remind reminded message messaged email emailed persuade persuaded"
    " convince convinced wait try tried mention mentioned named watch watched find found bring brought"
    " has have had having keep keeps kept prefer picked pick notify contact consult consulted address"
    " addressed taste tastes tasted smell smells smelled prune pruned dry dried chop chopped say says"
    " said hire hired hiring fire fired appoint appointed be being been"
)
# What is said of somebody: "Sage said", "moderator decided".
REPORTING = words_of(
    "said says saying told tells thinks thought believes believed asked asks wants wanted knows knew"
    " decided decides allowed allows lets made makes gave gives took takes went goes came comes ruled"
    " rules explained explains mentioned mentions agreed agrees disagreed disagrees suggested suggests"
    " stopped stops interrupted interrupts reminded reminds spoke speaks talks talked warned warns"
    " called calls heard hears seems seemed looks looked became becomes needs needed helps helped"
    " keeps kept answered answers summarised summarises summarized summarizes tastes grows likes liked"
    " loves loved uses used who's-who wrote writes has-been announced announces cut cuts ignored"
    " ignores favours favors favoured introduced introduces opened closed left joined works worked"
    " didn't doesn't wasn't isn't hasn't won't wouldn't couldn't can't shouldn't hadn't never always"
    " often usually sometimes already"
)
# Not a moderator's doing, but the herb, the colour or the adjective.
SAGE_NOUNS = words_of(
    "advice words counsel wisdom tea leaf leaves green brush brushes butter onion onions thyme"
    " rosemary parsley grouse oil plant plants stuffing sausage sausages bush smoke stick sticks wise"
    " person man woman men women remark remarks observation observations decision decisions comment"
    " comments nod guidance philosopher king herb herbs garden flavour flavor honey colour color"
    " coloured colored burning scent street foundation publications software hill bundle powder"
)
MODERATOR_NOUNS = words_of(
    "bias role roles job position team teams training skills privileges rights power powers list"
    " chair fees seat desk software bot bots tools policy mode duties duty election elections status"
    " style control panel intervention interventions decision decisions question-time variable effect"
    " effects analysis guidelines neutrality access account accounts badge mistakes mistake behaviour"
    " behavior voice voices notes heat temperature"
)
HERBS = words_of(
    "herb herbs thyme rosemary parsley basil oregano mint onion garlic chicken turkey butter stuffing"
    " tea soup sauce recipe cook cooking garden kitchen plant oil pasta pumpkin gnocchi pork spice"
    " spices leaves leaf lavender smoke incense paint wall walls colour color"
)
ADJECTIVES = words_of(
    "good bad great best worst better fair unfair neutral strict human ai digital virtual automatic"
    " automated real old new young wise first second last next other same own only proper decent"
    " excellent terrible nice kind strong weak poor biased unbiased impartial independent professional"
    " experienced debate discussion panel tv session event forum online robot voice live chief senior"
    " guest main single sole true false competent fine perfect ideal typical former current future"
    " famous favourite favorite little big very really quite rather such more most less truly green"
    " dried fresh white common russian wild purple local chosen trained certain particular silent"
    " quiet active helpful capable respected tough lenient firm friendly calm patient so-called super"
    " whole temporary acting dear different dedicated designated skilled machine computer artificial"
    " intelligent"
)
ADJECTIVE_ENDINGS = ("ful", "ous", "ive", "less", "able", "ible", "ish", "ical", "est")
# First words of a request to a moderator.
IMPERATIVES = words_of(
    "tell summarise summarize sum recap give let help make stop wait explain define remind repeat"
    " check start pause end keep act change go become show move ask do don't be switch turn quiet next"
    " continue resume speak say call clarify correct respond reply answer come listen look take set"
    " begin finish close open read count allow decide describe put play name list skip extend add hold"
    " mute unmute step jump interrupt moderate remember note consider compare settle judge rule verify"
    " confirm cut bring hand pass proceed introduce note enlighten guide spare forgive hush shut back"
    " fact-check weigh state swap pretend return share please announce record suggest recommend"
    " provide imagine choose pick invite order permit excuse intervene return leave use try have get"
    " find stay slow hurry wrap update"
)
# Nouns with which a call to a moderator may open: "Moderator, point of order", "Sage, time check please".
CALLING_NOUNS = words_of(
    "point time summary question clarification order quick topic objection recap silence help"
)
AFTER_IMPERATIVE = words_of(
    "me us the it that this them him her to what who how a an my our your quiet silent again on up"
    " back with if please everyone everybody anyone for down in over whether something someone"
)
# The end of a sentence to which a name may be added without a comma and without a question being asked.
CLOSING_WORDS = words_of(
    "you me it this that here there now again him them us too well please right wrong fair unfair"
    " done finished ready order time point left turn disagree agree question one yet more all ok okay so then"
    " though"
)
UNFINISHED = (
    CONJUNCTIONS
    | PREPOSITIONS - words_of("called named over by about in on through")
    | POSSESSIVES - words_of("her his")
    | AUX
    - words_of("do does did don't doesn't didn't can can't will won't would could should is are was has have")
    | words_of(
        "a an the um uh er erm so very which whose who what how why i i'm we're they're you're that's"
        " it's the because then about very really just every each some such our we they he she going gonna want wanted"
        " trying whereas even"
    )
)
# Nouns and verbs that small recognisers hear for "Sage"; they stand for it only before an unmistakable request.
HEARD_SAGE = words_of(
    "stage page saij sege siege sedge cage sages saige saje sej seige sayge saged sash sadge zage stages pages"
    " saidge segue sate shade shades shage sach satch saych seich paige seege sayed saged shaved wage gauge"
)
# The same, but so frequent in speech that only a command known by its wording counts.
HEARD_SAGE_COMMON = words_of(
    "said say says save safe same age aged such change sake it's set shed seed seeds sad fade fades faded shred"
    " shaped shave state stayed stay see"
)
# Two words for one: "say each", "see each".
HEARD_SAGE_PAIRS = frozenset(
    {("say", "each"), ("see", "each"), ("say", "itch"), ("say", "h"), ("say", "age")}
)
# Real words for "moderator"; a word that is none needs less proof.
HEARD_MODERATOR = words_of(
    "monitor mediator modulator motivator moderated moderators matador moderations modernator"
)
# Before a name that is a sentence of its own, these only agree: "Okay, Sage."
AGREEING = frozenset(
    {"okay", "ok", "alright", "all", "right", "sorry", "fine", "good", "great", "nope", "further"}
)
ASKING_AUX = AUX - {"have", "had"}
HOW = frozenset(
    {"much", "many", "long", "far", "about", "time", "come", "else", "exactly", "side", "turn", "often"}
)
STRANDED = frozenset({"at", "on", "for", "about", "with", "of", "from", "to", "in"})
PREDICATES = words_of("over up left finished done fair true correct right open closed wrong next")

# Unions that are asked for at every call.
BINDING = DETERMINERS | PREPOSITIONS | CONJUNCTIONS | OBJECT_VERBS | AUX
NOUN_OPENERS = HARD_DETERMINERS | BE
SPEECH_OPENERS = SUBJECTS | POSSESSIVES
PREDICATE_OPENERS = AUX | REPORTING | {"and", "or"}
REQUEST_OPENERS = IMPERATIVES | CALLING_NOUNS
LEADING = FILLERS | {"and", "but"}
AFTER_WH = AUX | HOW
ANSWERING = THANKS | {"yes", "no", "yeah", "yep", "nope"}
