"""The sentences of mini-TIMIT, made of templates and word lists of our own.

No sentence is taken from a corpus. The words were chosen so that every English
phone is met often, the rare ones (measure, joy, foot, church) included. What
the sentences say is of no importance.

Authors
 * The speechbrain_growth authors 2026
"""

import itertools
import random

WORDS = {
    "name": """Arthur Bridget Charlotte Dorothy Edith Fergus Geoffrey Hugo
        Ingrid Joyce Keith Louise Matthew Norah Oscar Penelope Roy Sheila
        Thaddeus Ursula Vivian Walter Yolanda Zachary George Judith Howard
        Beth Cheng Lloyd""",
    "person": """teacher|young shepherd|other neighbour|village doctor|judge
        |grumpy baker|youngest brother|old fisherman|queen's tailor|plumber
        |choir singer|lucky thief|chess champion|foreign visitor|cook
        |shy librarian|wise grandfather|rich lawyer|thirsty gardener|nurse
        |bus driver|new poet|clever engineer|royal butcher|quiet watchman|king
        |young couple|waiter|city writer|boy next door|television actor
        |yoga teacher|honest miller|captain""",
    "people": """sailors|both mothers|the children|our cousins|my parents
        |their voters|three young soldiers|the villagers|all the authors
        |eighty pilgrims|those noisy boys|the youth choir|some tourists
        |her daughters|five astronauts|the women upstairs|the shop owners
        |his nephews|thousands of birds|the jury|the furniture makers
        |a few engineers|the Norwegian team|four thoughtful strangers""",
    "verbed": """bought|dropped|painted|found|hid|washed|measured|borrowed
        |pushed|chose|carried|sold|threw away|brought back|polished|caught
        |destroyed|put away|sketched|kicked|wrapped|joined together|judged
        |examined|shook|stole|enjoyed|fetched|ruined|loathed|exchanged|unlocked
        |weighed|watched|forgot|toyed with|laughed about|used|sorted|created
        |heated|quoted|knitted|invited""",
    "verb": """buy|drop|paint|find|hide|wash|measure|borrow|push|choose|carry
        |sell|throw away|bring back|polish|catch|destroy|put away|sketch|kick
        |wrap|enjoy|judge|examine|shake|steal|join|fetch|ruin|loathe|exchange
        |unlock|weigh|watch|forget|look at|fix|use""",
    "thing": """wooden toy|yellow butter dish|azure vase|treasure chest
        |leather shoe|birthday cake|broken zipper|oily engine|empty bottle
        |goose feather|hot cup of tea|cookbook|measuring jug|garage door
        |silver thimble|mahogany bench|bathtub|garden hose|visual puzzle
        |cheap watch|pleasure boat|yacht|bag of onions|church bell|jar of jam
        |huge orange pumpkin|copper kettle|woollen hood|crooked ladder|violin
        |box of matches|foggy mirror|sugar bowl|bicycle wheel|cherry tart
        |beige television|loyal dog|royal portrait|wet towel|thick cloth
        |pair of boots|pocket dictionary|noisy poodle|map|little metal button
        |city map|letter|bottle of water|fatty butter|paper kite|heavy hammer
        |thread and needle|beautiful statue|bowl of noodles|bunch of keys
        |other pillow""",
    "det": "the|the|this|that|his|her|our|their|your|another",
    "things": """apples|oysters|mushrooms|cushions|peaches|sausages|feathers
        |gloves|potatoes|pictures|wet coins|smooth pebbles|old treasures|bridges
        |fishing rods|wooden hooks|toy airplanes|jewels|yogurts|white candles
        |books on fishing|hats|leather belts|thimbles|vouchers|zebras|cookies
        |wool socks|bitter lemons|letters|pieces of furniture|matches|garages
        |loose papers|roses|boiled eggs|cheese sandwiches|watches|rings|kettles
        |cutters|computers|southern flowers|green frogs|cardboard houses""",
    "adjective": """rough|noisy|unusual|smooth|joyful|cheap|thin|heavy|huge
        |yellow|good|dirty|ugly|pretty|shabby|foreign|moist|casual|wide
        |worthless|fragile|loud|annoying|bitter|hollow|sour|thorough|charming
        |witty|scattered|fighting|enormous|purple|royal|warm|watery|measurable
        |southern""",
    "place": """at the harbour|behind the church|by the sea|under the bridge
        |in the kitchen|near the south gate|outside the garage|on the beach
        |above the old mill|at the measuring station|in the joint office
        |beyond the northern woods|along the path|between two houses
        |in the youth club|at the jeweller's|on the ground floor|in the mud
        |from the cookery school|without any permission|beside the brook
        |down in the valley|at the village shop|on our voyage|in Beijing
        |against the wall|around the corner|through the fog|by the stove
        |in the building|during the meeting|along the railing|on the landing
        |in town""",
    "time": """this morning|before breakfast|every other Thursday|at noon
        |in the middle of July|last year|on the fourth of August|by chance
        |twice a month|yesterday evening|after the show|in early autumn
        |since nineteen ninety|this evening|in spring|all day long
        |usually on Fridays|at half past three|without much thought
        |for a whole hour|just for fun|with great joy|as a matter of course
        |before the voyage|the day before|so far|in February|once or twice
        |with pleasure|later on|on Saturday|at eighty|each spring""",
    "adverb": """quietly|angrily|usually|cautiously|joyfully|nearly|barely
        |secretly|thoughtfully|casually|hurriedly|foolishly|rather slowly
        |suddenly|probably|gently|loyally|smoothly|certainly|badly|prettily
        |noticeably""",
    "does": """laughed|argued|jogged|whistled|coughed|voted|yawned|waited
        |gathered|shouted|joked|hiked|queued up|sneezed|chatted|boiled eggs
        |played the oboe|stood in line|looked around|got together|swam
        |enjoyed the view|read the Bible|cooked supper|fished|hurried off
        |hit the ball|took a photo|thanked the judge|made a choice""",
}

TEMPLATES = """The {person} {verbed} {det} {thing}.
The {adjective} {person} {adverb} {verbed} it.
{name} {verbed} some {things} {time}.
Did {name} {verb} {det} {adjective} {thing}?
Why would {name} {verb} {things} {place}?
Please {verb} {det} {thing} {place}.
Nobody could {verb} such {adjective} {things}.
If it is {adjective}, {name} will {verb} it {time}.
{people} {adverb} {does} {place}.
{people} {does}, but {name} {does}.
How often do {people} {verb} {things}?
{name}'s {thing} was {adjective} {time}.
{things} and {things} are {adjective}, aren't they?
I should {verb} {det} {thing} or {verb} {things}.
We saw {people} when {name} {does}.
{people} usually {does} {time}.
Is {det} {thing} as {adjective} as {name} thought?
{name} thought that {det} {thing} looked {adjective}.
Which of the {adjective} {things} would {name} {verb}?
There were {adjective} {things} {place}."""

PARTS = {"TRAIN": 3000, "DEV": 600, "TEST": 600}


def word_lists():
    """Gives each word list as a list of phrases."""
    return {
        key: [" ".join(phrase.split()) for phrase in text.split("|")]
        if "|" in text
        else text.split()
        for key, text in WORDS.items()
    }


def one_sentence(rng, lists):
    """Fills one template; no phrase is used twice in a sentence."""
    text = rng.choice(TEMPLATES.split("\n"))
    while "{" in text:
        before, rest = text.split("{", 1)
        key, after = rest.split("}", 1)
        text = before + rng.choice(_unused(lists[key], before)) + after
    return text[0].upper() + text[1:]


def _unused(phrases, text):
    """Gives the phrases that a text does not contain."""
    return [phrase for phrase in phrases if phrase not in text]


def numbered_sentences():
    """Makes the sentences of all parts; no two parts share one.

    The list depends on nothing but this file, so a number in a file name of the
    corpus stands for one sentence, whatever the seed of the corpus.

    Returns
    -------
    sentences : dict
        For `"TRAIN"`, `"DEV"` and `"TEST"`: a dict of numbers and sentences.

    Example
    -------
    >>> sentences = numbered_sentences()
    >>> {part: len(texts) for part, texts in sentences.items()}
    {'TRAIN': 3000, 'DEV': 600, 'TEST': 600}
    >>> texts = [text for part in sentences.values() for text in part.values()]
    >>> len(set(texts)) == len(texts)
    True
    """
    rng = random.Random(1986)
    lists = word_lists()
    distinct = {}
    while len(distinct) < sum(PARTS.values()):
        distinct.setdefault(one_sentence(rng, lists))
    numbered = enumerate(distinct, start=1)
    return {
        part: dict(itertools.islice(numbered, count))
        for part, count in PARTS.items()
    }
