//! Agents, and how a number that a telephone system names finds one.

use std::collections::HashMap;

use super::phone::Number;

/// An agent as the call law needs it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Agent {
    /// The bigint that browsers know as `user_id`.
    pub id: i64,
    /// The name on the wire; case-sensitive.
    pub login: String,
    /// Shown to people.
    pub name: String,
    /// The office number.
    pub number: Option<Number>,
    /// The extension at the telephone system.
    pub extension: Option<Number>,
}

impl Agent {
    /// Where he is reached: his extension, or else his office number.
    pub fn telephone(&self) -> Option<&Number> {
        self.extension.as_ref().or(self.number.as_ref())
    }
}

/// All agents of an account, findable by number and extension.
#[derive(Debug, Default)]
pub struct Roster {
    agents: Vec<Agent>,
    by_number: HashMap<Number, usize>,
}

impl Roster {
    /// Indexes the agents. When two share a number the first one listed keeps it.
    pub fn new(agents: Vec<Agent>) -> Self {
        let mut by_number = HashMap::new();
        for (index, agent) in agents.iter().enumerate() {
            for number in [&agent.number, &agent.extension].into_iter().flatten() {
                by_number.entry(number.clone()).or_insert(index);
            }
        }
        Self { agents, by_number }
    }

    /// The agent whose number or extension this is, exactly.
    pub fn by_number(&self, number: &Number) -> Option<&Agent> {
        self.by_number.get(number).map(|&index| &self.agents[index])
    }

    /// The agent of this login; case matters.
    pub fn by_login(&self, login: &str) -> Option<&Agent> {
        self.agents.iter().find(|agent| agent.login == login)
    }

    /// Everyone.
    pub fn all(&self) -> &[Agent] {
        &self.agents
    }
}
