//! What stands for a value of an order in the requests of a generic gateway.

use std::borrow::Cow;

use crate::domain::{
    order::{Command, Order, Station},
    phone::Number,
    request::{Credential, Hole},
};

/// A placeholder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// Whom to call, as `+` and digits, or an extension.
    Number,
    /// The same without the plus sign.
    PlainNumber,
    /// What the called party is shown.
    CallerId,
    /// The same without the plus sign.
    PlainCallerId,
    /// The agent's telephone.
    Extension,
    /// The agent's login.
    Agent,
    /// The name of the call.
    Call,
    /// The name of the call that begins beside it.
    Leg,
    /// The name of the other call, which is on hold.
    With,
    /// Tones.
    Digits,
    /// The name of a file.
    File,
    /// How long a number is rung.
    RingSeconds,
    /// Whether the other side hears nothing of it: `true` or `false`.
    MuteCustomer,
    /// The word of the order.
    Verb,
    /// The order's own name.
    Order,
    /// What proves who we are.
    Token,
}

impl Hole for Place {
    const NAMES: &'static [(&'static str, Self)] = &[
        ("number", Self::Number),
        ("plainNumber", Self::PlainNumber),
        ("callerId", Self::CallerId),
        ("plainCallerId", Self::PlainCallerId),
        ("extension", Self::Extension),
        ("agent", Self::Agent),
        ("call", Self::Call),
        ("leg", Self::Leg),
        ("with", Self::With),
        ("digits", Self::Digits),
        ("file", Self::File),
        ("ringSeconds", Self::RingSeconds),
        ("muteCustomer", Self::MuteCustomer),
        ("verb", Self::Verb),
        ("order", Self::Order),
        ("token", Self::Token),
    ];
}

/// What the placeholders stand for.
#[derive(Clone, Copy)]
pub(super) struct Values<'a> {
    pub(super) order: &'a Order,
    pub(super) word: &'a str,
    pub(super) token: Option<&'a Credential>,
}

impl<'a> Values<'a> {
    /// The value; `None` when this order has none.
    pub(super) fn get(self, place: Place) -> Option<Cow<'a, str>> {
        let command = &self.order.command;
        let plain = |number: &'a Number| Cow::Borrowed(number.as_str().trim_start_matches('+'));
        match place {
            Place::Number => command.number().map(|number| number.as_str().into()),
            Place::PlainNumber => command.number().map(plain),
            Place::CallerId => caller_id(command).map(|number| number.as_str().into()),
            Place::PlainCallerId => caller_id(command).map(plain),
            Place::Extension => command.station()?.extension.as_ref().map(|number| number.as_str().into()),
            Place::Agent => command.station().map(|station| station.login.as_str().into()),
            Place::Call => Some(self.order.call.as_str().into()),
            Place::Leg => command.leg().map(Cow::Borrowed),
            Place::With => match command {
                Command::CompleteTransfer { with } | Command::Conference { with } => Some(with.as_str().into()),
                _ => None,
            },
            Place::Digits => {
                if let Command::Dtmf { digits } = command {
                    Some(digits.as_str().into())
                } else {
                    None
                }
            }
            Place::File => {
                if let Command::Play { file } = command {
                    Some(file.as_str().into())
                } else {
                    None
                }
            }
            Place::RingSeconds => {
                if let Command::Dial { ring_s, .. } = command {
                    Some(ring_s.to_string().into())
                } else {
                    None
                }
            }
            Place::MuteCustomer => {
                if let Command::Invite { mute_customer, .. } = command {
                    Some(mute_customer.to_string().into())
                } else {
                    None
                }
            }
            Place::Verb => Some(self.word.into()),
            Place::Order => Some(self.order.id.to_string().into()),
            Place::Token => self.token.map(|token| token.reveal().into()),
        }
    }

    /// Whether the order is about an agent whose telephone nobody knows.
    pub(super) fn lacks_extension(self) -> bool {
        self.order.command.station().is_some_and(|Station { extension, .. }| extension.is_none())
    }
}

fn caller_id(command: &Command) -> Option<&Number> {
    if let Command::Dial { caller_id, .. } = command { caller_id.as_ref() } else { None }
}
