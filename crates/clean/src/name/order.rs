//! Position of the family name, where no comma tells it.

use super::case::is_shouted;
use super::gazetteer::{self, BITS_PER_LEVEL, Commonness};
use super::tokens::Token;

/// Order of the words of a person's name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Order {
    /// As the model reads it.
    AsRead,
    /// As the model reads it, but the other order is nearly as likely.
    Doubtful,
    /// Family name first, for certain, in a text that is better turned round: `DUPONT Jean`.
    FamilyFirst,
    /// Family name first, for certain, as the name is always written: `Mao Zedong`.
    FamilyFirstKept,
    /// Family name first, most likely.
    FamilyFirstLikely,
}

/// Bits by which given name first is likelier than family name first, before any word is seen.
const PRIOR_BITS: f64 = 5.0;

/// Below so many bits (a ratio of 8) the order is doubtful.
const DOUBTFUL_BITS: f64 = 3.0;

const CHINESE: &str = " \
    bai cai cao cen chang chen cheng chu cui dai deng ding dong du duan fan fang fei \
    feng fu gao ge gong gu guan guo hao he hou hu hua huang jia jiang jin kang kong \
    lai lei li lian liang liao lin ling liu long lou lu luo lv ma mao meng mo mu ni \
    nie niu pan pang peng qi qian qiao qin qiu qu ren shao shen sheng shi shu song su \
    sun tan tang tao tian tong wan wang wei wen wu xi xia xiang xiao xie xing xiong xu \
    xue yan yang yao ye yi yin ying you yu yuan yue zeng zhai zhan zhang zhao zheng \
    zhong zhou zhu zhuang zhuo zou zuo ";

const KOREAN: &str = " \
    kim lee rhee yi park pak choi choe jung jeong chung chong kang gang cho jo yoon \
    yun jang chang lim im han oh seo suh shin sin kwon hwang ahn an song ryu yoo yu \
    hong moon mun ban bae pae baek paik noh roh no ha nam shim sim son sohn ko go kwak \
    gwak heo hur huh min ji chi woo ";

/// Family names in the spellings that go with hyphens.
const TAIWANESE: &str = " \
    chiang tsai hsu hsieh chou kuo tseng chu hung chuang yeh lu su pan chen lin huang \
    chang wang wu liu yang sun hou tung ting tang soong lien ma yen shih hsiao ";

const VIETNAMESE: &str = " \
    nguyen tran le pham hoang huynh phan vu vo dang bui do ho ngo duong ly dinh trinh \
    truong lam mai ";

const VIETNAMESE_MIDDLE: &str = " \
    van thi duc minh huu ngoc quang thanh xuan hong kim thu tuan quoc cong viet bao \
    phuong thuy nhat gia hoang dinh anh manh trong xuan ba dinh ";

/// True if `list` has the word; lists are words between spaces.
fn is_in(list: &str, word: &str) -> bool {
    !word.is_empty() && list.contains(&format!(" {word} "))
}

/// The order of the words of a name without commas, titles, suffixes and nicknames.
pub(super) fn order(tokens: &[&Token<'_>]) -> Order {
    let words: Vec<&str> = tokens.iter().map(|token| token.text).collect();
    let [first, .., last] = words.as_slice() else { return Order::AsRead };
    // Capitals tell something only beside small letters: JOHN LEE is written large as a whole.
    if words.iter().any(|word| word.contains(char::is_lowercase)) {
        let shouted: Vec<bool> = words.iter().map(|word| is_shouted(word)).collect();
        if shouted[0] && !shouted[1..].contains(&true) {
            return Order::FamilyFirst;
        }
        if shouted.contains(&true) && shouted.contains(&false) {
            return Order::AsRead;
        }
    }
    let folded: Vec<String> = words.iter().map(|word| gazetteer::fold(word)).collect();
    if is_patronymic_last(&folded) {
        return Order::FamilyFirst;
    }
    if is_east_asian(&words, &folded) {
        return Order::FamilyFirstKept;
    }
    if words.len() == 2 && is_in(CHINESE, &folded[0]) && is_syllables(&folded[1], 1) {
        return Order::Doubtful;
    }
    if words.len() == 2 && is_in(VIETNAMESE, &folded[0]) && is_in(VIETNAMESE_MIDDLE, &folded[1]) {
        return Order::Doubtful;
    }
    by_commonness(gazetteer::look_up(first), gazetteer::look_up(last), words.len())
}

/// True if the words are a name in an order that only people's names have.
pub(super) fn is_surely_a_person(tokens: &[Token<'_>]) -> bool {
    let words: Vec<&str> = tokens.iter().map(|token| token.text).collect();
    let folded: Vec<String> = words.iter().map(|word| gazetteer::fold(word)).collect();
    is_east_asian(&words, &folded) || is_patronymic_last(&folded) || is_initial_between(&words)
}

/// True if the words are a Vietnamese, Korean or Chinese name with its family name first.
fn is_east_asian(words: &[&str], folded: &[String]) -> bool {
    let [first, second] = words else { return is_vietnamese(words, folded) };
    is_vietnamese(words, folded) || is_korean(first, second) || is_chinese(second, folded)
}

/// `Mao Zedong`: a Chinese family name and two syllables that are no other name.
fn is_chinese(second: &str, folded: &[String]) -> bool {
    is_in(CHINESE, &folded[0])
        && is_syllables(&folded[1], 2)
        && !is_in(CHINESE, &folded[1])
        && gazetteer::look_up(second).given < 4
}

/// `John Q Public`: a given name, an initial, one more word.
fn is_initial_between(words: &[&str]) -> bool {
    let [first, initial, last] = words else { return false };
    let is_initial = initial.trim_end_matches('.').chars().count() == 1
        && initial.starts_with(char::is_alphabetic);
    is_initial && gazetteer::look_up(first).given >= 4 && last.chars().count() > 1
}

/// True if a name with its family name first has the given name at its end: Vietnamese ones have.
pub(super) fn is_given_last(tokens: &[&Token<'_>]) -> bool {
    let words: Vec<&str> = tokens.iter().map(|token| token.text).collect();
    let folded: Vec<String> = words.iter().map(|word| gazetteer::fold(word)).collect();
    !words.is_empty() && is_vietnamese(&words, &folded)
}

/// Bayes' rule over how common the two words are in the two roles.
fn by_commonness(first: Commonness, last: Commonness, count: usize) -> Order {
    if first.is_unknown() || last.is_unknown() {
        return Order::AsRead;
    }
    let bits = first.log_odds_of_given() - last.log_odds_of_given() + PRIOR_BITS;
    if bits < -DOUBTFUL_BITS {
        // Of three words the middle one may be a family name: Mary Smith John.
        let is_clear = first.family >= 5 && first.given <= 3 && last.given >= 4;
        let is_clear = is_clear && (count == 2 || bits < -DOUBTFUL_BITS - 2.0 * BITS_PER_LEVEL);
        return if is_clear { Order::FamilyFirstLikely } else { Order::Doubtful };
    }
    if count == 2 && bits < DOUBTFUL_BITS { Order::Doubtful } else { Order::AsRead }
}

/// `Nguyễn Văn An`: certain by its diacritics or its middle name.
fn is_vietnamese(words: &[&str], folded: &[String]) -> bool {
    if words.len() < 2 || words.len() > 4 || !is_in(VIETNAMESE, &folded[0]) {
        return false;
    }
    let is_marked = |c: char| "ăơưđĐĂƠƯ".contains(c) || ('\u{1EA0}'..='\u{1EF9}').contains(&c);
    let is_marked = |word: &&str| word.contains(is_marked);
    if words.len() == 2 {
        return is_marked(&words[0]);
    }
    words.iter().any(is_marked) || is_in(VIETNAMESE_MIDDLE, &folded[1])
}

/// `Kim Min-jun`, `Tsai Ing-wen`: a Korean or Taiwanese family name, and a given name of two
/// syllables with a hyphen.
fn is_korean(first: &str, second: &str) -> bool {
    let Some((one, two)) = second.split_once('-') else { return false };
    let is_syllable = |part: &str| {
        part.is_ascii()
            && (2..=5).contains(&part.len())
            && gazetteer::look_up(part).given < 6
            && part.bytes().filter(|b| b"aeiouAEIOU".contains(b)).count() <= 3
    };
    let family = gazetteer::fold(first);
    let is_family = is_in(KOREAN, &family) || is_in(TAIWANESE, &family);
    is_family && is_syllable(one) && is_syllable(two)
}

/// `Иванов Иван Иванович`, `Ivanov Ivan Ivanovich`: the patronymic stands last.
fn is_patronymic_last(folded: &[String]) -> bool {
    const ENDS: [&str; 10] =
        ["ович", "евич", "овна", "евна", "ична", "ovich", "evich", "ovna", "evna", "ichna"];
    let [first, middle, last] = folded else { return false };
    let is_patronymic = |word: &String| ENDS.iter().any(|end| word.ends_with(end));
    is_patronymic(last) && !is_patronymic(middle) && !is_patronymic(first)
}

/// True if the word is exactly so many syllables of pinyin.
fn is_syllables(word: &str, count: usize) -> bool {
    if count == 1 {
        return is_syllable(word);
    }
    let cuts = word.char_indices().map(|(at, _)| at).skip(1);
    { cuts }.any(|at| is_syllable(&word[..at]) && is_syllables(&word[at..], count - 1))
}

fn is_syllable(word: &str) -> bool {
    const INITIALS: [&str; 24] = [
        "zh", "ch", "sh", "b", "p", "m", "f", "d", "t", "n", "l", "g", "k", "h", "j", "q", "x",
        "r", "z", "c", "s", "y", "w", "",
    ];
    const FINALS: &str = " \
        a o e i u v ai ei ui ao ou iu ie ue er an en in un ang eng ing ong ia iao ian \
        iang iong ua uo uai uan uang ";
    INITIALS.iter().any(|initial| {
        word.strip_prefix(initial).is_some_and(|last| {
            is_in(FINALS, last) && (!initial.is_empty() || !last.starts_with(['i', 'u', 'v']))
        })
    })
}

/// Spanish and Portuguese family names that stand before another one, and how such names end.
pub(super) fn is_iberian(word: &str) -> bool {
    const NAMES: &str = " \
        garcia cruz torres flores rivera reyes morales ramos castillo romero moreno \
        herrera medina vargas castro mendoza silva rojas delgado soto vega guerrero \
        santos molina campos leon navarro pena rios fuentes blanco lorca llosa borges \
        allende salazar aguilar luna contreras cortes acosta figueroa miranda pereira \
        ferreira oliveira souza costa rodrigues almeida nascimento lima araujo ribeiro \
        carvalho gomes martins barbosa rocha cabrera calderon espinoza maldonado \
        valencia velasco serrano marin iglesias pardo prieto vidal calvo gallego bravo \
        mora arroyo diaz ruiz ortiz munoz diez paz cortez acevedo ";
    let folded = gazetteer::fold(word);
    is_in(NAMES, &folded)
        || (folded.len() > 4
            && (folded.ends_with("ez")
                || folded.ends_with("es") && gazetteer::look_up(word).family >= 4))
}

#[cfg(test)]
mod tests {
    use super::super::tokens::tokenise;
    use super::*;

    fn of(text: &str) -> Order {
        order(&tokenise(text).iter().collect::<Vec<_>>())
    }

    #[test]
    fn certain_names_are_read_family_first() {
        for text in
            ["Xi Jinping", "Zhang Xiaoming", "Kim Min-jun", "Nguyễn Văn An", "Nguyen Van An"]
        {
            assert_eq!(of(text), Order::FamilyFirstKept, "{text}");
        }
        for text in ["DUPONT Jean", "Ivanov Ivan Ivanovich", "Иванов Иван Иванович"]
        {
            assert_eq!(of(text), Order::FamilyFirst, "{text}");
        }
    }

    #[test]
    fn capitals_tell_nothing_where_all_is_large() {
        for text in ["JOHN LEE", "MARY ANN LEE", "SUSAN NG", "ROBERT DIAZ", "JAMES A FOX"] {
            assert_eq!(of(text), Order::AsRead, "{text}");
        }
        assert_eq!(of("DUPONT Jean"), Order::FamilyFirst);
        assert_eq!(of("NGUYEN VAN AN"), Order::FamilyFirstKept);
    }

    #[test]
    fn doubt_is_told_and_not_felt_about_ordinary_names() {
        for text in ["Martin James", "Li Wei"] {
            assert_eq!(of(text), Order::Doubtful, "{text}");
        }
        for text in [
            "James Martin",
            "John Smith",
            "Mary Johnson",
            "Xiaoming Wang",
            "Susan Li",
            "Jean Dupont",
            "Hans Müller",
            "Maria Garcia",
            "Mohammed Ali",
            "Kim Smith",
            "Anne-Marie Lee",
        ] {
            assert_eq!(of(text), Order::AsRead, "{text}");
        }
        assert_eq!(of("Smith John"), Order::FamilyFirstLikely);
    }
}
