//! Says what a character is to the splitting of words, and which script it belongs to.

/// The effect of a decomposed character on the current word.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Class {
    /// Ends the word.
    Separator,
    /// Is dropped, or joins the single character before it.
    Mark,
    Digit,
    Lower,
    Upper,
    /// A letter without case.
    Letter,
    /// Is a word by itself: an ideograph, a kana, a hangul syllable or an emoji.
    Single,
}

impl Class {
    pub(super) fn is_letter(self) -> bool {
        matches!(self, Self::Lower | Self::Upper | Self::Letter)
    }
}

pub(super) fn class_of(c: char) -> Class {
    match c {
        'a'..='z' => Class::Lower,
        'A'..='Z' => Class::Upper,
        '0'..='9' => Class::Digit,
        _ if c.is_ascii() => Class::Separator,
        _ if is_dropped_mark(c) || is_invisible(c) => Class::Mark,
        _ if is_syllable(c) || is_emoji(c) => Class::Single,
        _ if c.is_lowercase() => Class::Lower,
        _ if c.is_uppercase() => Class::Upper,
        _ if c.is_numeric() => Class::Digit,
        _ if c.is_alphabetic() => Class::Letter,
        _ => Class::Separator,
    }
}

/// Whether this is an accent, a point or a variation selector. Vowel signs of Indic scripts are not dropped.
fn is_dropped_mark(c: char) -> bool {
    use unicode_normalization::char::{canonical_combining_class, is_combining_mark};
    is_combining_mark(c) && (canonical_combining_class(c) != 0 || !c.is_alphanumeric())
}

/// Whether the character only changes how its neighbors look: soft hyphens, zero-width spaces and joiners, marks of
/// the writing direction, byte order marks, tags, and skin tones of emoji.
fn is_invisible(c: char) -> bool {
    matches!(c,
        '\u{AD}' | '\u{180E}' | '\u{200B}'..='\u{200F}' | '\u{202A}'..='\u{202E}'
        | '\u{2060}'..='\u{2064}' | '\u{2066}'..='\u{206F}' | '\u{FEFF}'
        | '\u{1F3FB}'..='\u{1F3FF}' | '\u{E0000}'..='\u{E007F}')
}

/// Whether the character belongs to a script without spaces whose characters have a meaning by themselves.
fn is_syllable(c: char) -> bool {
    matches!(c,
        '\u{1100}'..='\u{11FF}' | '\u{A960}'..='\u{A97F}' | '\u{AC00}'..='\u{D7FB}' // Hangul
        | '\u{3005}' | '\u{3007}' // ideographic repetition and zero
        | '\u{3041}'..='\u{3096}' | '\u{309D}'..='\u{309F}' // Hiragana
        | '\u{30A1}'..='\u{30FA}' | '\u{30FC}'..='\u{30FF}' | '\u{31F0}'..='\u{31FF}' // Katakana
        | '\u{3105}'..='\u{312F}' | '\u{31A0}'..='\u{31BF}' // Bopomofo
        | '\u{3400}'..='\u{4DBF}' | '\u{4E00}'..='\u{9FFF}' | '\u{F900}'..='\u{FAFF}' // Han
        | '\u{20000}'..='\u{323AF}')
}

/// Whether this is an emoji. Those that are also ordinary text, such as `©` and digits, do not count.
fn is_emoji(c: char) -> bool {
    matches!(c,
        '\u{2194}'..='\u{2199}' | '\u{21A9}' | '\u{21AA}' // arrows
        | '\u{231A}' | '\u{231B}' | '\u{2328}' | '\u{23CF}' | '\u{23E9}'..='\u{23F3}'
        | '\u{23F8}'..='\u{23FA}' | '\u{25AA}' | '\u{25AB}' | '\u{25B6}' | '\u{25C0}'
        | '\u{25FB}'..='\u{25FE}'
        | '\u{2600}'..='\u{2767}' | '\u{2794}'..='\u{27BF}' // symbols and dingbats without numbers
        | '\u{2934}' | '\u{2935}' | '\u{2B05}'..='\u{2B07}' | '\u{2B1B}' | '\u{2B1C}' | '\u{2B50}'
        | '\u{2B55}' | '\u{3030}' | '\u{303D}'
        | '\u{1F000}'..='\u{1F0FF}' | '\u{1F170}'..='\u{1F1FF}' | '\u{1F200}'..='\u{1FAFF}')
}

/// Whether this is half of a flag: two of these letters are the emoji of a country.
pub(super) fn is_flag_letter(c: char) -> bool {
    matches!(c, '\u{1F1E6}'..='\u{1F1FF}')
}

/// A script that people mix with others in one name.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Script {
    Latin,
    Greek,
    Cyrillic,
    Armenian,
    Hebrew,
    Arabic,
    Georgian,
    /// A script of India or South-East Asia whose block has 128 characters: the number of the block.
    Block(u32),
}

/// Whether a word ends between two letters, because they belong to different scripts. Unknown scripts border none.
pub(super) fn is_script_border(before: char, after: char) -> bool {
    if before.is_ascii() && after.is_ascii() {
        return false;
    }
    match (script_of(before), script_of(after)) {
        (Some(before), Some(after)) => before != after,
        _ => false,
    }
}

fn script_of(c: char) -> Option<Script> {
    Some(match c {
        'a'..='z' | 'A'..='Z' | '\u{C0}'..='\u{24F}' | '\u{1E00}'..='\u{1EFF}' => Script::Latin,
        '\u{370}'..='\u{3FF}' | '\u{1F00}'..='\u{1FFF}' => Script::Greek,
        '\u{400}'..='\u{52F}' | '\u{A640}'..='\u{A69F}' => Script::Cyrillic,
        '\u{531}'..='\u{58F}' => Script::Armenian,
        '\u{590}'..='\u{5FF}' => Script::Hebrew,
        '\u{600}'..='\u{6FF}' | '\u{750}'..='\u{77F}' | '\u{8A0}'..='\u{8FF}' => Script::Arabic,
        '\u{10A0}'..='\u{10FF}' | '\u{1C90}'..='\u{1CBF}' => Script::Georgian,
        '\u{900}'..='\u{EFF}' | '\u{1780}'..='\u{17FF}' => Script::Block(c as u32 / 128),
        _ => return None,
    })
}
