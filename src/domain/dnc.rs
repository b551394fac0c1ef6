//! The do-not-call list, and its sister for messages.

/// What a number is closed to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Channel {
    /// Calls.
    Voice,
    /// Text messages: the opt-out list.
    Message,
}

impl Channel {
    /// The word on the wire and in the book.
    pub fn word(self) -> &'static str {
        match self {
            Self::Voice => "voice",
            Self::Message => "message",
        }
    }

    /// Reads the word.
    pub fn read(word: &str) -> Option<Self> {
        [Self::Voice, Self::Message].into_iter().find(|channel| channel.word() == word)
    }
}
