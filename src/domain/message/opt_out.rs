//! Words by which a person leaves, comes back or asks for help. Whoever sent one of the first kind gets no more messages.

use serde::{Deserialize, Serialize};

/// What an incoming message asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Keyword {
    /// No more messages.
    Stop,
    /// Messages again.
    Start,
    /// Who are you, and how do I leave?
    Help,
    /// An ordinary message.
    None,
}

/// The words, by what they ask for. English as carriers demand it; other languages where a word is beyond doubt.
const WORDS: [(Keyword, &[&str]); 7] = [
    (Keyword::Stop, &["STOP", "STOPALL", "STOP ALL", "UNSUBSCRIBE", "CANCEL", "END", "QUIT", "REVOKE", "OPTOUT", "OPT OUT", "OPT-OUT"]),
    // French
    (Keyword::Stop, &["ARRET", "ARRÊT"]),
    // Spanish; the first is Portuguese, too
    (Keyword::Stop, &["PARAR", "ALTO", "BAJA"]),
    // German and the Scandinavian languages
    (Keyword::Stop, &["STOPP"]),
    (Keyword::Start, &["START", "UNSTOP", "YES"]),
    (Keyword::Help, &["HELP", "INFO"]),
    // French, Spanish, German
    (Keyword::Help, &["AIDE", "AYUDA", "HILFE"]),
];

impl Keyword {
    /// Reads a message. The whole of it must be the word: "stop" does, "stop by later" does not. Case does not matter, nor do
    /// blanks, punctuation and other signs around the word.
    pub fn read(text: &str) -> Self {
        let word = text.trim_matches(|c: char| !c.is_alphanumeric()).to_uppercase();
        WORDS.iter().find(|(_, words)| words.contains(&word.as_str())).map_or(Self::None, |(keyword, _)| *keyword)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_of_the_table_is_read() {
        for (keyword, words) in WORDS {
            for word in words {
                let mixed: String =
                    word.char_indices().map(|(at, c)| if at % 2 == 0 { c } else { c.to_lowercase().next().unwrap() }).collect();
                for text in [(*word).to_owned(), word.to_lowercase(), mixed, format!("  {word}.\n"), format!("\u{feff}\"{word}!\" 🙏")] {
                    assert_eq!(Keyword::read(&text), keyword, "{text:?}");
                }
            }
        }
        for (text, keyword) in [
            ("STOP", Keyword::Stop),
            ("StopAll", Keyword::Stop),
            ("unsubscribe", Keyword::Stop),
            ("Cancel", Keyword::Stop),
            ("end", Keyword::Stop),
            ("quit", Keyword::Stop),
            ("Arrêt", Keyword::Stop),
            ("start", Keyword::Start),
            ("unstop", Keyword::Start),
            ("Yes!", Keyword::Start),
            ("help?", Keyword::Help),
        ] {
            assert_eq!(Keyword::read(text), keyword, "{text:?}");
        }
    }

    #[test]
    fn a_sentence_is_no_keyword() {
        for text in [
            "STOP later please",
            "please stop",
            "non-stop",
            "stop stop",
            "S T O P",
            "STOPS",
            "cancel my order",
            "yes please",
            "the end",
            "1 stop",
            "",
            " ",
            "?!",
            "👍",
        ] {
            assert_eq!(Keyword::read(text), Keyword::None, "{text:?}");
        }
    }
}
