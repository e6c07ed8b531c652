"""Service sentences written for this model: patterns with slots, five levels and mixed cases.

`sample(rng)` returns (text, target), where target is a list of (weight, levels) pairs.
Every pattern and every slot value was written for this file; nothing comes from a data set.
"""

SLOTS = {
    "thing": "order;parcel;package;refund;replacement;delivery;invoice;new card;router;phone;laptop;booking;ticket;"
             "contract;policy;claim;repair;subscription;account;sofa;headset;gift card;voucher;bag;washing machine".split(";"),
    "item": "phone;laptop;blender;kettle;jacket;camera;headset;printer;watch;charger;mattress;vacuum cleaner;tablet;"
            "coffee machine;keyboard;pair of shoes;desk;tv;app;software;plan;plugin;dashboard".split(";"),
    "owed": "my refund;my order;a reply;my parcel;my new card;a callback;the technician;my bag;an answer;the replacement;"
            "my money;a decision on my claim;the spare part;an agent;the engineer;my voucher".split(";"),
    "service": "customer service;support;the website;the app;the help line;the delivery service;the checkout;your chat;"
               "the booking page;the hotline;the store;the front desk;the internet connection;the billing team".split(";"),
    "sys": "app;website;portal;login page;chat;router;payment page;booking system;phone line;internet;wifi;card reader;"
           "password reset;update;check-in;search".split(";"),
    "time": "three weeks;two hours;10 days;a month;over an hour;45 minutes;six weeks;5 days;half a day;2 months;"
            "the whole morning;90 minutes;almost a year;four hours;more than a week".split(";"),
    "when": "yesterday;last week;on Monday;this morning;two weeks ago;in March;on the 14th;last night;today;on Friday".split(";"),
    "day": "Monday;tomorrow;Friday;the 12th;next week;Saturday morning;the end of the month;Tuesday;March 3;tonight".split(";"),
    "money": "$20;£45;120 euros;$9.99;a fee;30 dollars;€300;$75;the full price;twice the price".split(";"),
    "num": "48213;A-77120;#90311;2291-04;INV-5530;1007;LX204;K88-13".split(";"),
    "place": "Boston;Leeds;Berlin;Denver;Lyon;Madrid;Dublin;Austin;Toronto;Oslo;the airport;downtown;the Harbour Street store".split(";"),
    "staff": "Maria;Tom;the agent;your colleague;the driver;the technician;Mr. Patel;Sophie;the lady at the desk;your team;"
             "the crew;the support guy;the manager;everyone;Kevin from support;the staff".split(";"),
    "change": "change my address;update my email;add a second user;change the delivery date;upgrade my plan;cancel my subscription;"
              "reset my password;move my appointment;download my invoice;return an item;change my seat;add a bag;export my data;"
              "pay by bank transfer;use my points;book for two people;transfer my number;redeem a voucher;get a receipt;"
              "rebook to a later date;add my partner to the account".split(";"),
    "info": "opening hours;delivery time;price;return policy;size chart;warranty;customer number;cancellation period;"
            "phone number;check-in time;baggage allowance;minimum order;data limit;contact address;status".split(";"),
    "feature": "Apple Pay;international delivery;student discounts;gift wrapping;a family plan;an API;two-factor login;"
               "express shipping;wifi on board;a loyalty card;Sunday delivery;vegetarian options;a trial period;parking".split(";"),
    "neg": "terrible;awful;a joke;horrible;pathetic;a disgrace;shocking;appalling;disgusting;unacceptable;ridiculous;a nightmare;useless".split(";"),
    "mild": "slow;disappointing;confusing;poor;not helpful;overpriced;unreliable;rude;below average;frustrating;noisy;not what I expected;a let-down".split(";"),
    "good": "good;nice;helpful;friendly;quick;solid;reliable;pretty good;easy to use;pleasant;useful;fast;well made;fair".split(";"),
    "great": "amazing;fantastic;excellent;outstanding;awesome;incredible;perfect;wonderful;brilliant;superb;the best".split(";"),
    "fail": "crashes;freezes;logs me out;shows an error;loses my data;times out;drops the call;rejects my card;goes down;hangs up on me".split(";"),
    "defect": "broken;damaged;cracked;late;in the wrong size;in the wrong colour;with parts missing;half empty;already used;"
              "without the charger;scratched;to the wrong address".split(";"),
}

LEVELS = {
    0: """This is the worst {item} I have ever bought
Worst {service} ever
Absolutely {neg}, never again
{service} is {neg}, I am furious
I will never buy from you again
never using {brand} again, worst company ever
I hate this {item}, total waste of money
You people are {neg} and you stole my money
What a scam! stay away from {brand}
{time} on hold and then they hung up. {neg}!
this is beyond {neg}, I want my money back now
your {sys} is garbage
Disgusted with how I was treated {when}
The {thing} never came, nobody cares, {neg} company
Complete disaster from start to finish
zero stars if I could
I have never been treated so badly in my life
{brand} you ruined my holiday
Fed up with the lies. I am reporting you
The rudest staff I have ever met, {neg}
you lost my {thing} and you don't even care
It couldn't be worse
an absolute disgrace, I'm leaving for a competitor
horrible horrible horrible
what a complete and utter waste of {time}
Sick and tired of this. Cancel everything.""",
    1: """I have been waiting {time} for {owed}
still waiting for {owed}
still waiting on {owed} after {time}
It has been {time} and still no {thing}
{time} later and nothing has happened
Still no reply from {service}
No one answers the phone
I've been on hold for {time}
been on hold for {time} now
on hold {time} and counting
Nobody has called me back
I was promised a call {when} and nobody called
My {thing} still hasn't arrived
my {thing} has not been delivered
My {thing} was supposed to arrive {when}
The {item} arrived {defect}
my {thing} came {defect}
The {item} stopped working after {time}
my {item} broke after {time}
The {sys} is down again
your {sys} keeps crashing
Your {sys} {fail} every time I try
the {sys} doesn't work
the {sys} is not working and I can't log in
I can't reach anyone at {service}
I was charged {money} twice
You charged me {money} for nothing
Why was I charged {money} without notice?
why is it so hard to {change}?
Why does it take {time} to get an answer?
why can't I {change} online? This makes no sense
how can it take {time} to send one email?
Where is my {thing}? It should have been here {when}
where's my {thing}?? it's been {time}
When are you finally going to fix the {sys}?
So {service} has no idea where my {thing} is
I have called four times and nobody can help me
third time this month that the {sys} fails
cancelled my {thing} again without telling me
You cancelled my {thing} and I only found out {when}
you lost my {thing}
they lost my {thing} and have no record of it
delayed again
{time} delay and no information
another delay, another missed connection
stuck in {place} for {time} with no update
I missed my appointment because of you
I had to take a day off and the technician didn't show up
The technician did not come
I'm not happy with the {item}
not happy with {service}
I am not satisfied with the {item}
The {item} is {mild}
{service} was {mild}
{service} is {mild}, I expected better
{staff} was rude to me
{staff} was not helpful at all
{staff} didn't know what to do
The quality is not what was promised
The {item} is not as described
it isn't worth the money
not worth {money}
not good
not great
It doesn't work
this doesn't work for me
I expected more
I regret buying this {item}
I would not recommend it
I wouldn't buy it again
I want my money back
I want to complain about {service}
I'd like to make a complaint
This is my second complaint about the {thing}
The price went up again without any warning
my bill is wrong again
My bill is {money} too high
The instructions make no sense
You sent the wrong {item}
This is the wrong {item}, I ordered another one
my request was closed without an answer
The chat was disconnected before my problem was solved
I keep getting the same automatic answer
I keep getting sent from one department to the next
no wifi, no power, no information
we sat in the cold for {time}
The room was dirty and the heating was broken
The food was cold
The portion was tiny for the price
My discount was refused at the checkout
I was told {time}, now it is {time}
your email says one thing and {staff} says another
you need to do better
do better {brand}
disappointed in you {brand}
This is getting old
I've had enough of waiting
what is going on with the {sys}? I can't {change}
can someone please help me? I've tried to {change} for {time}
please fix the {sys}
thinking of switching to another provider
I am cancelling because {service} is {mild}
I'm cancelling my contract, {service} never answers
Not once did anyone apologise
and of course nobody told us
I lost a customer because your {sys} was down
thanks for nothing
Thanks for losing my {thing}
thanks for keeping me on hold for {time}
Great, the {sys} is down again
great job losing my {thing} {brand}
Nice, another {time} of waiting
love how your {sys} {fail} right when I need it
Wow, {time} to answer one email. Impressive.
well done {brand}, {time} late again
awesome, {money} for a {item} that doesn't work
good luck getting an answer from {service}
if only {service} actually answered
would be nice if {service} answered the phone
wish you had told me that {when}
I thought you were better than this
too many ads and it is slow
It used to be good, now it is {mild}
went downhill since {when}
I'm still without internet
no internet since {when}
Money was taken but the {thing} was never confirmed
you took {money} from my account and I didn't order anything
someone used my account and nobody reacts
my voucher was not accepted
I sent three emails and got no response
no response to my email in {time}
never received the {thing}
I never got my {thing}
never got a confirmation""",
    2: """Where can I find my invoice?
Where can I find the {info}?
How do I {change}?
how can I {change}
Can I {change} online?
can i {change} by phone
Is it possible to {change}?
I would like to {change}
I'd like to {change}, please
I want to {change}
I need to {change} before {day}
Please help me {change}
Could you tell me how to {change}?
What is the {info}?
what's the {info} for {place}
what are the {info} in {place}
Do you offer {feature}?
do you have {feature}
is {feature} included in the {item} plan?
Does the {item} support {feature}?
Do you deliver to {place}?
Are you open on {day}?
when does the store in {place} open?
When will the {item} be back in stock?
when do you start selling the {item} in {place}
What time does it close on {day}?
How much is the {item}?
how long does delivery to {place} take?
how long does it take to {change}?
Which {item} fits two people?
Which documents do I need to {change}?
Who do I contact to {change}?
what number do I call to {change}
what email address can I send this to?
can you send me the {info}?
Please send me a copy of the invoice {num}
Please confirm the {thing} for {day}
can you check the {info} of {thing} {num}
Could you call me back on {day}?
I have a question about my {thing}
I have a question about the {info}
quick question about {feature}
My customer number is {num}
Order number {num}
the reference is {num}
It is order {num}, placed {when}
I ordered the {item} {when}
I bought a {item} {when}
I paid by card {when}
I am moving to {place} on {day}
I'm travelling to {place} on {day}
We will be four people on {day}
I sent you a direct message
just sent you a DM
sent you the details by email
I've sent the photos {when}
dm sent
please follow back so I can send you a message
I spoke to {staff} {when}
I talked to {staff} about my {thing}
Here is the {info} you asked for
see the attached file
as discussed, the form is attached
ok
okay, will do
yes, that is correct
No, that is all
I see
got it
I will try that {when}
let me check and come back to you
will call on {day}
It's the {item} from {place}
The meeting is on {day}
my name is {staff}, my number is {num}
Is anyone there?
hello
Hi there
good morning
testing
Are you hiring in {place}?
what is the difference between the {item} and the older one?
is there a student version of the {item}
can the {item} be used with {feature}?
is the {thing} {num} already paid?
has the {thing} been shipped yet?
any update on {thing} {num}?
is the {item} on sale this week?
The new {item} is out {day}
{brand} opens a new store in {place}
{brand} announces a new {item} {url}
{brand} to start {feature} in {place}
New: {feature} now in {place} {url}
The {item} comes in black and white
the {item} was delivered {when}
It has a two year warranty
I am comparing your {item} with another one
looking for a {item} for my office
need a {item} for {day}
I am interested in the {item}
someone told me you have {feature}
do I have to pay {money} if I cancel before {day}?
is there a fee to {change}?
What happens to my {thing} if I {change}?
what happens after {day}?
if I order today, when does it ship?
should I bring my ID on {day}?
Do I need an appointment?
Could I speak to someone about my {thing}?
please put me through to {service}
I would like a quote for 20 licences
Please forward this to {staff}
I've filled in the form
it's for {place}, not for me
on my way to {place}
heading to {place} on {day}
watching the news from {place}
it is 8pm here
I use the {item} at work
The {item} is neither good nor bad
it is okay, nothing special
it's an average {item}
The {item} does what it says""",
    3: """Thanks for the quick reply
thank you for your help
thanks!
thank you
thx, got it now
Thanks, that works
thanks {staff}, problem solved
Thank you {brand}
thanks for letting me know
thanks for the update
Thank you for sorting that out
thank you for the refund
appreciate the help
appreciate it
much appreciated
It works now, thanks
the {sys} works again
all sorted now
My {thing} arrived today, on time
The {thing} came earlier than expected
the {item} works fine
The {item} is {good}
{service} is {good}
{service} was {good}
{staff} was very {good}
{staff} was {good} and solved it in minutes
{staff} helped me a lot
good job
nice work on the new {sys}
well done, quick answer
I am happy with the {item}
happy with my {thing}
I like the new {sys}
I like it
I like the {item}
Good value for money
Worth the money
would buy again
I would recommend it
Not bad at all
not bad
can't complain
No complaints so far
no problems so far
never had a problem with {brand}
I have never had an issue with the {item}
I was not disappointed
nothing to complain about
Everything went smoothly
delivery was quick and {staff} was friendly
the return was easy
easy to set up
good product
This is a good {item}
nice {item}, does the job
so far so good
looking forward to the new {item}
glad it is fixed
glad I switched to {brand}
pleasantly surprised by {service}
it got better since {when}
it took a while but now it works well
I was worried at first but it turned out fine
There was a small delay but {staff} kept me informed, thanks
my problem was fixed within {time}, good service
Sorry for the trouble, and thanks for your patience
kudos to {staff}
shout out to {staff} at {place}
good flight, friendly crew
we had a nice stay
the food was good
a nice place to eat""",
    4: """This is a great product!
This {item} is {great}
Absolutely love it
I love this {item}
love love love the new {item}
Love you guys
{brand} you are {great}
Best {service} ever
best {item} I have ever owned
I couldn't be happier
I am so happy with my {thing}
{staff} was {great}
{staff} went above and beyond
{staff} saved my day, {great} service
{service} was {great}, thank you so much
Thank you so much, you are {great}
Thanks a million, {staff} was {great}
Outstanding support, solved in five minutes
I can't recommend it enough
Highly recommended
Ten out of ten
five stars
Exceeded all my expectations
this made my day
so impressed with {service}
What a wonderful surprise
Simply {great}
The {item} is {great} and {staff} is so kind
Perfect from start to finish
Amazing experience, will come back
You rock
you guys are the best
my favourite {item} by far
nothing but good things to say about {brand}
never been happier with a {item}
couldn't ask for better service
I would give it six stars
Fantastic, thank you!
excellent work, keep it up
huge thanks to {staff} for the {great} help""",
}

MIXED = [  # (pattern, target): both sides in one message, the last word usually decides
    ("The {item} is {good} but {service} is {mild}", [(.6, (0, 1)), (.25, (2,)), (.15, (3, 4))]),
    ("{staff} was {good}, but my {thing} still hasn't arrived", [(.8, (0, 1)), (.15, (2,)), (.05, (3, 4))]),
    ("I like the {item} but it {fail}", [(.65, (1,)), (.25, (2,)), (.1, (3,))]),
    ("Good idea, {mild} execution", [(.7, (1,)), (.2, (2,)), (.1, (3,))]),
    ("I love the {item}, but the {sys} is not working since {when}", [(.65, (1,)), (.2, (2,)), (.15, (3,))]),
    ("The {item} arrived {defect}, but {staff} replaced it right away. Thanks!", [(.75, (3, 4)), (.15, (2,)), (.1, (1,))]),
    ("Delivery took {time}, but the {item} is {great}", [(.7, (3, 4)), (.15, (2,)), (.15, (1,))]),
    ("A bit expensive but {good}", [(.7, (3,)), (.2, (2,)), (.1, (1,))]),
    ("{service} is {mild}, otherwise a {good} company", [(.4, (1,)), (.3, (2,)), (.3, (3,))]),
    ("some things are {good}, some are {mild}", [(.7, (2,)), (.15, (1,)), (.15, (3,))]),
    ("On the one hand the {item} is {good}, on the other it is {mild}", [(.6, (2,)), (.25, (1,)), (.15, (3,))]),
    ("Thanks for the reply, but I still don't have my {thing}", [(.8, (1,)), (.2, (2,))]),
    ("thanks but that does not help me", [(.85, (1,)), (.15, (2,))]),
    ("Thank you, but I have been waiting {time} for {owed}", [(.85, (0, 1)), (.15, (2,))]),
    ("Thank you. How do I {change}?", [(.8, (2,)), (.2, (3,))]),
    ("Thanks, can you also send me the {info}?", [(.75, (2,)), (.25, (3,))]),
    ("ok thanks, I will {change}", [(.55, (2,)), (.45, (3,))]),
    ("Love the {item}! Do you offer {feature}?", [(.75, (3, 4)), (.25, (2,))]),
    ("Great {item}. When will it be sold in {place}?", [(.65, (3, 4)), (.35, (2,))]),
    ("I have a problem with my {thing}, can you help?", [(.5, (1,)), (.5, (2,))]),
    ("I have trouble logging in. How do I {change}?", [(.45, (1,)), (.55, (2,))]),
    ("my {item} {fail}, what should I do?", [(.65, (1,)), (.35, (2,))]),
    ("sorry, I made a mistake in the {thing}", [(.3, (1,)), (.7, (2,))]),
    ("The {sys} was down {when}, is it fixed now?", [(.45, (1,)), (.55, (2,))]),
    ("hope this gets better soon", [(.5, (1,)), (.35, (2,)), (.15, (3,))]),
    ("I don't hate it", [(.6, (2,)), (.4, (3,))]),
    ("it could be worse", [(.55, (2,)), (.3, (3,)), (.15, (1,))]),
    ("it could be better", [(.7, (1,)), (.3, (2,))]),
]

GREETINGS = ("Hi team, ;Hello, ;Hi, ;Dear support, ;Dear Sir or Madam, ;Hey ;Good morning, ;Hi there, ;To whom it may concern: ;"
             "Hello everyone, ;hey guys ").split(";")
CONTEXT = ("My customer number is {num};Order number {num};It is order {num}, placed {when};I ordered the {item} {when};I bought a {item} {when};"
           "I paid by card {when};I am a customer since 2015;I spoke to {staff} {when};I'm travelling to {place} on {day};"
           "I sent you a direct message;my name is {staff}, my number is {num};I have been a customer for years").split(";")
TAILS = {
    "neg": "Please help.;Please fix this.;Unbelievable.;What now?;Please call me back.;Really?;Any update?;smh;ugh;seriously?;#fail;Not ok.".split(";"),
    "neu": "Thanks in advance.;Thank you.;Please let me know.;Regards, {staff};Thanks!;Please advise.;Kind regards;thx".split(";"),
    "pos": "Thank you!;Keep it up!;Thanks again.;#happy;Will come back.;Have a nice day!;See you soon.".split(";"),
}
SOFT = {
    0: [(.85, (0,)), (.15, (1,))],
    1: [(.12, (0,)), (.80, (1,)), (.08, (2,))],
    2: [(.94, (2,)), (.03, (1,)), (.03, (3,))],
    3: [(.08, (2,)), (.80, (3,)), (.12, (4,))],
    4: [(.15, (3,)), (.85, (4,))],
}
CORES = {level: text.splitlines() for level, text in LEVELS.items()}


def fill(rng, pattern, brand="the shop"):
    """Fill the {slots} of a pattern with random values."""
    while "{" in pattern:
        start, end = pattern.index("{"), pattern.index("}")
        name = pattern[start + 1:end]
        value = {"brand": brand, "url": "https://t.co/" + "".join(rng.choices("abcdefghkmnpqrstXYZ123", k=8))}.get(name)
        pattern = pattern[:start] + (value or rng.choice(SLOTS[name])) + pattern[end + 1:]
    return pattern


def stop(rng, text, excited=.15):
    """End a sentence with a full stop, an exclamation mark or nothing."""
    if text[-1] in ".!?":
        return text
    r = rng.random()
    return text + ("!" if r < excited else "." if r < .7 else "")


def sample(rng, brand="the shop"):
    """One service message and its target: context, one or two cores, a tail."""
    if rng.random() < .14:
        pattern, target = rng.choice(MIXED)
        return fill(rng, pattern, brand), target
    level = rng.choices(range(5), (.10, .38, .30, .14, .08))[0]
    side = "neg" if level < 2 else "neu" if level == 2 else "pos"
    parts = [stop(rng, fill(rng, rng.choice(CORES[level]), brand))]
    if rng.random() < .25:
        parts.append(stop(rng, fill(rng, rng.choice(CORES[level]), brand)))
    if rng.random() < .2:
        parts.insert(0, stop(rng, fill(rng, rng.choice(CONTEXT), brand), 0))
    if rng.random() < .2:
        parts.append(fill(rng, rng.choice(TAILS[side]), brand))
    text = " ".join(parts)
    return (rng.choice(GREETINGS) + text if rng.random() < .1 else text), SOFT[level]
