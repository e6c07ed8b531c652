//! Chinese, Japanese and Korean names in their own scripts: family name first, no spaces.

use super::{Kind, NameInfo, Problem};
use std::collections::HashMap;
use std::sync::OnceLock;

/// Lines `family name<tab>letters`: `c` Chinese, `j` Japanese, `k` Korean.
const FAMILIES: &str = include_str!("../../data/name/own_script.txt");

/// Chinese family names of two characters, in both forms of the script.
const COMPOUND: &[&str] = &[
    "欧阳", "歐陽", "司马", "司馬", "上官", "诸葛", "諸葛", "夏侯", "东方", "東方", "皇甫", "尉迟",
    "尉遲", "公孙", "公孫", "慕容", "令狐", "司徒", "司空", "长孙", "長孫", "宇文", "轩辕", "軒轅",
    "端木", "百里", "呼延", "南宫", "南宮", "独孤", "獨孤", "澹台", "澹臺", "闻人", "聞人", "申屠",
    "太史", "赫连", "赫連", "拓跋", "钟离", "鍾離", "西门", "西門", "第五", "即墨", "濮阳", "濮陽",
    "淳于", "单于", "單于", "公羊", "仲孙", "完颜", "纳兰", "納蘭", "남궁", "황보", "제갈", "사공",
    "선우", "서문", "독고", "동방",
];

/// Words of organisations' names only.
const ORGANISATIONS: &[&str] = &[
    "公司",
    "集团",
    "集團",
    "银行",
    "銀行",
    "大学",
    "大學",
    "学院",
    "學院",
    "医院",
    "醫院",
    "学校",
    "學校",
    "中学",
    "小学",
    "中心",
    "酒店",
    "饭店",
    "飯店",
    "餐厅",
    "餐廳",
    "研究所",
    "研究院",
    "研究会",
    "协会",
    "協會",
    "協会",
    "基金会",
    "基金會",
    "委员会",
    "委員會",
    "委員会",
    "事务所",
    "事務所",
    "合作社",
    "工厂",
    "工廠",
    "工場",
    "商店",
    "超市",
    "出版社",
    "幼儿园",
    "政府",
    "人民",
    "税务局",
    "管理局",
    "株式会社",
    "有限会社",
    "合同会社",
    "合資会社",
    "合名会社",
    "社団法人",
    "財団法人",
    "学校法人",
    "医療法人",
    "宗教法人",
    "協同組合",
    "組合",
    "病院",
    "製作所",
    "工業",
    "工务店",
    "工務店",
    "クリニック",
    "センター",
    "ホテル",
    "レストラン",
    "サービス",
    "グループ",
    "株式會社",
    "주식회사",
    "유한회사",
    "유한책임회사",
    "대학교",
    "병원",
    "은행",
    "그룹",
    "협회",
    "재단",
    "학교",
    "법인",
    "연구소",
    "연구원",
    "회사",
    "㈱",
    "㈲",
    "㈜",
    "(株)",
    "(有)",
    "(주)",
    "(유)",
    "（株）",
    "（有）",
    "御中",
];

/// Legal forms in short and as they are spelt out.
const FORMS: &[(&str, &str)] = &[
    ("㈱", "株式会社"),
    ("(株)", "株式会社"),
    ("（株）", "株式会社"),
    ("㈲", "有限会社"),
    ("(有)", "有限会社"),
    ("（有）", "有限会社"),
    ("㈜", "주식회사"),
    ("(주)", "주식회사"),
    ("（주）", "주식회사"),
    ("株式會社", "株式会社"),
];

/// Forms of address after the name.
const TITLES: &[&str] = &[
    "先生",
    "女士",
    "小姐",
    "太太",
    "夫人",
    "博士",
    "教授",
    "医生",
    "醫生",
    "医師",
    "律师",
    "律師",
    "老师",
    "老師",
    "经理",
    "總經理",
    "总经理",
    "様",
    "さま",
    "さん",
    "殿",
    "선생님",
    "선생",
    "교수님",
    "교수",
    "박사",
    "님",
    "씨",
];

/// Characters between several people.
const SEPARATORS: [char; 8] = ['、', '，', ',', '/', '／', '&', '＆', ';'];

/// Dots between the parts of a foreign name.
const DOTS: [char; 5] = ['·', '・', '•', '‧', '･'];

fn is_han(c: char) -> bool {
    matches!(c, '\u{3400}'..='\u{4DBF}' | '\u{4E00}'..='\u{9FFF}' | '\u{F900}'..='\u{FAFF}'
        | '\u{20000}'..='\u{323AF}' | '々' | '〆' | 'ヶ')
}

fn is_kana(c: char) -> bool {
    matches!(c, '\u{3041}'..='\u{30FA}' | '\u{30FC}'..='\u{30FF}' | '\u{FF66}'..='\u{FF9F}')
}

fn is_hangul(c: char) -> bool {
    matches!(c, '\u{AC00}'..='\u{D7A3}')
}

/// True if a character belongs to one of these scripts.
pub(super) fn is_own(c: char) -> bool {
    is_han(c) || is_kana(c) || is_hangul(c)
}

/// The name, if it is in one of these scripts; none for names in other scripts.
pub(super) fn read(text: &str) -> Option<NameInfo> {
    if !text.contains(|c| is_own(c) || "㈱㈲㈜".contains(c)) {
        return None;
    }
    if ORGANISATIONS.iter().any(|word| text.contains(word)) {
        return Some(organisation(text));
    }
    if text.contains(|c: char| c.is_alphabetic() && !is_own(c)) {
        return None;
    }
    let people: Vec<&str> =
        text.split(SEPARATORS).map(str::trim).filter(|name| !name.is_empty()).collect();
    match people.as_slice() {
        [] => None,
        [name] => Some(person(name)),
        [first, ..] => {
            let mut info = person(first);
            let all: Vec<String> = people.iter().filter_map(|name| person(name).display).collect();
            info.display = Some(all.join("、"));
            info.problem = Some(Problem::SeveralPeople);
            Some(info)
        }
    }
}

fn organisation(text: &str) -> NameInfo {
    let mut name = text.trim_end_matches("御中").to_owned();
    for (short, form) in FORMS {
        if name.contains(short) {
            name = name.replace(short, form);
        }
    }
    // Korean parts words by spaces; Chinese and Japanese do not.
    let mut spelt = String::with_capacity(name.len());
    let mut rest = name.chars().peekable();
    while let Some(c) = rest.next() {
        let before = spelt.chars().next_back();
        let is_inside = |c: Option<&char>| c.is_some_and(|c| is_han(*c) || is_kana(*c));
        if c == ' ' && is_inside(before.as_ref()) && is_inside(rest.peek()) {
            continue;
        }
        spelt.push(c);
    }
    let spelt = spelt.trim().to_owned();
    NameInfo {
        kind: Kind::Organisation,
        organisation: Some(spelt.clone()),
        display: Some(spelt),
        ..NameInfo::default()
    }
}

/// A name in its parts, and whether they are sure.
struct Split {
    family: Option<String>,
    given: Option<String>,
    is_sure: bool,
}

fn person(text: &str) -> NameInfo {
    let (name, title) = without_title(text);
    let split = split(name);
    let join = |gap: &str| {
        let parts = [split.family.as_deref(), split.given.as_deref()];
        parts.into_iter().flatten().collect::<Vec<_>>().join(gap)
    };
    let has_dots = name.contains(DOTS);
    let mut display = if has_dots || split.family.is_none() || split.given.is_none() {
        name.replace(DOTS, if name.contains(is_kana) { "・" } else { "·" })
    } else {
        // The space goes where the name is read alike without it.
        let joined = join("");
        let again = self::split(&joined);
        if again.family == split.family && again.is_sure { joined } else { join(" ") }
    };
    if let Some(title) = title {
        display.push_str(title);
    }
    NameInfo {
        kind: Kind::Person,
        title: title.map(str::to_owned),
        problem: (!split.is_sure).then_some(Problem::UnclearParts),
        family: split.family,
        given: split.given,
        display: Some(display),
        ..NameInfo::default()
    }
}

/// Takes the form of address off the end, where two characters of a name remain or one that is a
/// family name.
fn without_title(text: &str) -> (&str, Option<&'static str>) {
    for title in TITLES {
        if let Some(name) = text.strip_suffix(title).map(str::trim_end)
            && (name.chars().count() >= 2 || families(name).is_some())
        {
            return (name, Some(title));
        }
    }
    (text, None)
}

/// The scripts in which `name` is a family name.
fn families(name: &str) -> Option<&'static str> {
    static TABLE: OnceLock<HashMap<&str, &str>> = OnceLock::new();
    let table =
        TABLE.get_or_init(|| FAMILIES.lines().filter_map(|line| line.split_once('\t')).collect());
    table.get(name).copied()
}

fn split(name: &str) -> Split {
    let parts: Vec<&str> = name.split(DOTS).filter(|part| !part.is_empty()).collect();
    if let [given @ .., family] = parts.as_slice()
        && !given.is_empty()
    {
        return Split {
            family: Some((*family).to_owned()),
            given: Some(given.join(if name.contains(is_kana) { "・" } else { "·" })),
            is_sure: true,
        };
    }
    if let Some((family, given)) = name.split_once(' ') {
        let is_korean = family.chars().all(is_hangul);
        if is_korean && families(family).is_none() && !COMPOUND.contains(&family) {
            return Split { family: None, given: Some(name.to_owned()), is_sure: false };
        }
        let is_sure = !given.contains(' ') && family.chars().count() <= 5;
        return Split { family: Some(family.to_owned()), given: Some(given.to_owned()), is_sure };
    }
    let letters: Vec<char> = name.chars().collect();
    match cut(&letters) {
        (Some(at), is_sure) => Split {
            family: Some(letters[..at].iter().collect()),
            given: Some(letters[at..].iter().collect()).filter(|given: &String| !given.is_empty()),
            is_sure,
        },
        (None, _) => Split { family: None, given: Some(name.to_owned()), is_sure: false },
    }
}

/// The number of characters of the family name, and true if that is certain.
fn cut(letters: &[char]) -> (Option<usize>, bool) {
    let count = letters.len();
    let is_family = |length: usize, script: char| {
        let name: String = letters[..length.min(count)].iter().collect();
        length <= count && families(&name).is_some_and(|scripts| scripts.contains(script))
    };
    let head: String = letters[..2.min(count)].iter().collect();
    if (3..=4).contains(&count) && COMPOUND.contains(&head.as_str()) {
        return (Some(2), true);
    }
    if letters.iter().all(|c| is_hangul(*c)) {
        let has_family = is_family(1, 'k') && (2..=4).contains(&count);
        return (has_family.then_some(1), has_family);
    }
    let has_kana = letters.iter().any(|c| is_kana(*c));
    let chinese = is_family(1, 'c') && (2..=3).contains(&count) && !has_kana;
    let rest_max = if has_kana { 5 } else { 3 };
    let lengths = (1..count).rev().filter(|length| count - length <= rest_max);
    let japanese = { lengths }.find(|length| is_family(*length, 'j'));
    match (chinese, japanese) {
        _ if is_family(count, 'j') && count > 1 => (Some(count), !chinese),
        (true, None | Some(1)) => (Some(1), true),
        (true, Some(_)) => (Some(1), false),
        (false, Some(length)) => (Some(length), true),
        (false, None) => (None, false),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(text: &str) -> (String, String, Option<Problem>) {
        let info = read(text).unwrap();
        (info.family.unwrap_or_default(), info.given.unwrap_or_default(), info.problem)
    }

    #[test]
    fn family_names_stand_first() {
        let names = [
            ("王小明", "王", "小明"),
            ("欧阳娜娜", "欧阳", "娜娜"),
            ("司马光", "司马", "光"),
            ("李娜", "李", "娜"),
            ("山田太郎", "山田", "太郎"),
            ("佐々木希", "佐々木", "希"),
            ("高橋 みなみ", "高橋", "みなみ"),
            ("長谷川博己", "長谷川", "博己"),
            ("김민준", "김", "민준"),
            ("남궁민수", "남궁", "민수"),
            ("约翰·史密斯", "史密斯", "约翰"),
        ];
        for (text, family, given) in names {
            assert_eq!(parts(text), (family.to_owned(), given.to_owned(), None), "{text}");
        }
        assert_eq!(read("山田 太郎様").unwrap().display.as_deref(), Some("山田太郎様"));
    }

    #[test]
    fn organisations_have_their_forms_spelt_out() {
        let spell = |text: &str| read(text).unwrap().display.unwrap();
        assert_eq!(spell("㈱日立製作所"), "株式会社日立製作所");
        assert_eq!(spell("北京 百度 网讯科技有限公司"), "北京百度网讯科技有限公司");
        assert_eq!(spell("(주) 카카오"), "주식회사 카카오");
        assert_eq!(read("トヨタ自動車株式会社").unwrap().kind, Kind::Organisation);
    }
}
