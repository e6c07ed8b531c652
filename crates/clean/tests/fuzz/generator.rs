//! Texts near real ones: a seed, changed a few times.

/// Changes of one text at most.
const CHANGES_MAX: usize = 6;
/// Characters of one text at most.
const CHARS_MAX: usize = 400;

/// Makes texts in an order that its seed fixes.
pub struct Generator<'a> {
    state: u64,
    seeds: &'a [String],
    fragments: &'a [&'a str],
}

impl<'a> Generator<'a> {
    /// A generator of changes of `seeds`, with `fragments` to put in.
    pub fn new(seed: u64, seeds: &'a [String], fragments: &'a [&'a str]) -> Self {
        Self { state: seed, seeds, fragments }
    }

    /// The next text.
    pub fn text(&mut self) -> String {
        let mut text: Vec<char> = self.seed();
        for _ in 0..self.below(CHANGES_MAX + 1) {
            self.change(&mut text);
            text.truncate(CHARS_MAX);
        }
        text.into_iter().collect()
    }

    fn change(&mut self, text: &mut Vec<char>) {
        let (one, other) = (self.below(text.len() + 1), self.below(text.len() + 1));
        let (start, stop) = (one.min(other), one.max(other));
        match self.below(9) {
            0..=3 => {
                let fragment = self.fragments[self.below(self.fragments.len())];
                text.splice(start..start, fragment.chars());
            }
            4 => {
                text.drain(start..stop.min(start + 8));
            }
            5 => {
                let part = text[start..stop].to_vec();
                text.splice(stop..stop, part);
            }
            6 => {
                let tail = self.seed();
                let at = self.below(tail.len() + 1);
                text.splice(start.., tail[at..].iter().copied());
            }
            7 => {
                let c = self.character();
                text.insert(start, c);
            }
            _ => text[start..stop].reverse(),
        }
    }

    fn seed(&mut self) -> Vec<char> {
        self.seeds[self.below(self.seeds.len())].chars().collect()
    }

    /// Any character, ASCII as often as all others together.
    fn character(&mut self) -> char {
        let code = match self.below(4) {
            0 | 1 => self.below(0x80),
            2 => self.below(0x3000),
            _ => self.below(0x11_0000),
        };
        u32::try_from(code).ok().and_then(char::from_u32).unwrap_or('\u{fffd}')
    }

    fn below(&mut self, bound: usize) -> usize {
        usize::try_from(self.next() % bound as u64).unwrap()
    }

    /// SplitMix64 (Steele, Lea, Flood 2014).
    fn next(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.state;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }
}
