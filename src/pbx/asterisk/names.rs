//! Names of channels and bridges, and what rides in their applications' arguments.
//!
//! Every name follows from the name of a call, and every channel that we make carries what it is for. So whoever lists an Asterisk's
//! channels and bridges knows all that goes on there, whatever he has forgotten.
//!
//! | what | name |
//! |---|---|
//! | the channel of a number that we call | `cti-<call>-out` |
//! | the channel of a caller | whatever Asterisk named it; it is the call's name too |
//! | the channels of our side, one after the other | `cti-<room>-agent`, `cti-<room>-agent-2`, … |
//! | the bridge of those who talk | `cti-<room>` |
//! | the bridge of those who wait | `cti-<room>-hold` |
//!
//! A room has the name of the call that it was opened for.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

use crate::domain::phone::Number;

const PREFIX: &str = "cti-";
const PARTY: &str = "-out";
const SEAT: &str = "-agent";
const HOLD: &str = "-hold";

/// Everything that could mean something in a path, or to the dialplan.
const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'+');

/// Whose channel it is by its name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum ChannelName {
    /// Of a number that we call.
    Party {
        /// The call.
        call: String,
    },
    /// Of our side.
    Seat {
        /// The room.
        room: String,
        /// Which of the room's.
        number: u32,
    },
}

/// Which bridge it is by its name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum BridgeName {
    /// Of those who talk in this room.
    Talk(String),
    /// Of those who wait.
    Hold(String),
}

pub(super) fn party(call: &str) -> String {
    format!("{PREFIX}{call}{PARTY}")
}

pub(super) fn seat(room: &str, number: u32) -> String {
    if number <= 1 { format!("{PREFIX}{room}{SEAT}") } else { format!("{PREFIX}{room}{SEAT}-{number}") }
}

pub(super) fn bridge(room: &str) -> String {
    format!("{PREFIX}{room}")
}

pub(super) fn hold(room: &str) -> String {
    format!("{PREFIX}{room}{HOLD}")
}

/// The name of a room's recording, which is a file's name.
pub(super) fn recording(room: &str) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() || matches!(c, '-' | '.') { c } else { '_' };
    format!("{PREFIX}{}", room.chars().map(plain).collect::<String>())
}

/// Whose channel this is; `None` for one that we did not name.
pub(super) fn read_channel(id: &str) -> Option<ChannelName> {
    let rest = id.strip_prefix(PREFIX)?;
    if let Some(call) = rest.strip_suffix(PARTY) {
        return Some(ChannelName::Party { call: call.to_owned() });
    }
    let (room, number) = rest.rsplit_once(SEAT)?;
    let number = match number.strip_prefix('-') {
        Some(number) => number.parse().ok()?,
        None if number.is_empty() => 1,
        None => return None,
    };
    Some(ChannelName::Seat { room: room.to_owned(), number })
}

/// Which bridge this is; `None` for one that we did not name.
pub(super) fn read_bridge(id: &str) -> Option<BridgeName> {
    let rest = id.strip_prefix(PREFIX)?;
    Some(rest.strip_suffix(HOLD).map_or_else(|| BridgeName::Talk(rest.to_owned()), |room| BridgeName::Hold(room.to_owned())))
}

/// A segment of a path, or an argument of the dialplan.
pub(super) fn escape(text: &str) -> String {
    utf8_percent_encode(text, ESCAPED).to_string()
}

fn unescape(text: &str) -> Option<String> {
    percent_decode_str(text).decode_utf8().ok().map(std::borrow::Cow::into_owned)
}

/// What a channel of ours is for: it rides in the arguments of the application.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Errand {
    /// A number that is called into a room.
    Party {
        /// The room.
        room: String,
        /// Whom.
        number: Number,
    },
    /// Our side of a conversation.
    Seat {
        /// The agent, when it is one.
        login: Option<String>,
        /// Where he is reached.
        extension: Option<Number>,
        /// A call that is to be brought to him.
        takes: Option<String>,
    },
}

impl Errand {
    /// As arguments. A value that is not there is a hyphen.
    pub(super) fn write(&self) -> String {
        let word = |text: Option<&str>| text.map_or_else(|| "-".to_owned(), escape);
        match self {
            Self::Party { room, number } => format!("party,{},{}", escape(room), escape(number.as_str())),
            Self::Seat { login, extension, takes } => {
                let extension = extension.as_ref().map(Number::as_str);
                format!("seat,{},{},{}", word(login.as_deref()), word(extension), word(takes.as_deref()))
            }
        }
    }

    /// From arguments.
    pub(super) fn read<'a>(mut arguments: impl Iterator<Item = &'a str>) -> Option<Self> {
        let kind = arguments.next()?;
        let mut next = || -> Option<Option<String>> {
            let word = arguments.next()?;
            if word == "-" { Some(None) } else { unescape(word).map(Some) }
        };
        match kind {
            "party" => Some(Self::Party { room: next()??, number: Number::from_canonical(next()??) }),
            "seat" => Some(Self::Seat { login: next()?, extension: next()?.map(Number::from_canonical), takes: next()? }),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_as_they_were_made() {
        for call in ["019a-7", "1732600000.12", "pbx-1732600000.12", "a-agent-b", "x;2", "a-out"] {
            assert_eq!(read_channel(&party(call)), Some(ChannelName::Party { call: call.to_owned() }));
            for number in [1, 2, 17] {
                assert_eq!(read_channel(&seat(call, number)), Some(ChannelName::Seat { room: call.to_owned(), number }), "{call}");
            }
            assert_eq!(read_bridge(&bridge(call)), Some(BridgeName::Talk(call.to_owned())));
            assert_eq!(read_bridge(&hold(call)), Some(BridgeName::Hold(call.to_owned())));
        }
        for foreign in ["1732600000.12", "cti-x", "cti-x-out;2", "cti-x-agent;2", "cti-x-agent2", "cti-x-agent-", "CTI-x-out", ""] {
            assert_eq!(read_channel(foreign), None, "{foreign}");
        }
        assert_eq!(read_bridge("1732600000.13"), None);
    }

    #[test]
    fn errands_are_read_as_they_were_written() {
        let number = |text: &str| Number::from_canonical(text.to_owned());
        let errands = [
            Errand::Party { room: "a,b;c d".into(), number: number("+4930123456") },
            Errand::Seat { login: Some("Anna, B. <x>".into()), extension: Some(number("1001")), takes: Some("17.3".into()) },
            Errand::Seat { login: None, extension: None, takes: None },
            Errand::Seat { login: Some("ä".into()), extension: None, takes: None },
        ];
        for errand in errands {
            let text = errand.write();
            assert!(!text.contains([' ', ';', '<', '"', '$', '{']), "{text}");
            assert_eq!(Errand::read(text.split(',')), Some(errand), "{text}");
        }
        for foreign in ["", "inbound,4930", "party", "party,a", "seat,a"] {
            assert_eq!(Errand::read(foreign.split(',')), None, "{foreign}");
        }
    }

    #[test]
    fn a_recording_is_the_name_of_one_file() {
        assert_eq!(recording("../../etc/x;2"), "cti-.._.._etc_x_2");
    }
}
