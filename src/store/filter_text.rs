//! Filters as SQL: one condition that both databases run, and that picks the leads which the filter matches in memory.
//!
//! Nothing that somebody wrote is part of a text: names of columns come from closed sets, values and names of custom fields
//! are arguments. A condition reads the lead's row as `l` and its custom fields from `lead_field (account_id, lead_id, name,
//! value)`. It is unknown rather than false where an absent number or time is compared, so it may be narrowed with `and` and
//! must not be turned around with `not`.
//!
//! `lower` folds A to Z only, on SQLite always, on Postgres for columns of `collate "C"`: every text column of a lead, and
//! `lead_field.value`, must be one. What a filter compares them with is folded before it is bound.

use super::Arg;
use crate::domain::{
    filter::{Block, Filter, FlagField, Join, NumberField, Order, Statement, Test, TextField, TextOp, TextSource, TimeField},
    playlist::Published,
};

/// A condition for a `where`, in brackets, and the arguments it has.
#[derive(Clone, Debug)]
pub struct Condition {
    /// The text.
    pub sql: String,
    /// What its placeholders stand for, in their order.
    pub args: Vec<Arg>,
}

/// The leads that a filter matches. The first placeholder is `$first`.
pub fn of_filter(filter: &Filter, first: usize) -> Condition {
    let mut text = Text::new(first);
    text.push("(");
    text.blocks(filter.blocks());
    text.finish()
}

/// The leads that a playlist holds. The first placeholder is `$first`.
pub fn of_playlist(published: &Published, first: usize) -> Condition {
    let mut text = Text::new(first);
    let campaigns = published.campaigns();
    if campaigns.is_empty() {
        text.push("(1 = 0");
        return text.finish();
    }
    text.push("(");
    let campaigns = Test::In(campaigns.to_vec());
    text.statement(&Statement::Text(TextSource::Of(TextField::Campaign), campaigns));
    if let Some(filter) = published.filter() {
        text.push(" and (");
        text.blocks(filter.blocks());
        text.push(")");
    }
    text.finish()
}

/// A condition in the making.
struct Text {
    sql: String,
    args: Vec<Arg>,
    first: usize,
}

impl Text {
    fn new(first: usize) -> Self {
        Self { sql: String::new(), args: Vec::new(), first }
    }

    fn push(&mut self, sql: &str) {
        self.sql.push_str(sql);
    }

    fn finish(mut self) -> Condition {
        self.push(")");
        Condition { sql: self.sql, args: self.args }
    }

    /// Binds an argument; its placeholder.
    fn bind(&mut self, arg: impl Into<Arg>) -> String {
        let number = self.first + self.args.len();
        self.args.push(arg.into());
        format!("${number}")
    }

    /// What follows a block is one whole. Brackets are opened only where the join changes: databases limit how deep they go.
    fn blocks(&mut self, blocks: &[Block]) {
        let mut open = 0;
        for (index, block) in blocks.iter().enumerate() {
            self.block(block);
            let Some(next) = blocks.get(index + 1) else { break };
            self.push(match block.join() {
                Join::And => " and ",
                Join::Or => " or ",
            });
            if index + 2 < blocks.len() && next.join() != block.join() {
                self.push("(");
                open += 1;
            }
        }
        self.push(&")".repeat(open));
    }

    fn block(&mut self, block: &Block) {
        self.push("(");
        for (index, statement) in block.statements().iter().enumerate() {
            self.push(if index == 0 { "" } else { " and " });
            self.statement(statement);
        }
        self.push(")");
    }

    fn statement(&mut self, statement: &Statement) {
        match statement {
            Statement::Text(source, test) => {
                let text = match source {
                    TextSource::Of(field) => format!("coalesce({}, '')", text_column(*field)),
                    // ten characters behind +1; digits, as long as numbers are canonical
                    TextSource::AreaCode => "case when l.phone like '+1__________' then substr(l.phone, 3, 3) else '' end".to_owned(),
                    TextSource::Custom(name) => {
                        let name = self.bind(name.as_str());
                        format!(
                            "coalesce((select f.value from lead_field f \
                             where f.account_id = l.account_id and f.lead_id = l.id and f.name = {name}), '')"
                        )
                    }
                };
                self.text_test(&text, test);
            }
            Statement::Number(field, test) => self.order_test(number_column(*field), test),
            Statement::Time(field, test) => self.order_test(time_column(*field), test),
            Statement::Flag(field, value) => {
                let value = self.bind(*value);
                self.push(&format!("coalesce({}, false) = {value}", flag_column(*field)));
            }
        }
    }

    fn text_test(&mut self, text: &str, test: &Test<TextOp, String>) {
        let folded = |value: &String| value.to_ascii_lowercase();
        match test {
            Test::One(TextOp::Eq, value) => self.compare(&format!("lower({text})"), "=", folded(value)),
            Test::One(TextOp::Ne, value) => self.compare(&format!("lower({text})"), "<>", folded(value)),
            Test::One(TextOp::Contains, value) => self.like(text, format!("%{}%", verbatim(value))),
            Test::One(TextOp::StartsWith, value) => self.like(text, format!("{}%", verbatim(value))),
            Test::One(TextOp::EndsWith, value) => self.like(text, format!("%{}", verbatim(value))),
            Test::In(listed) => self.among(&format!("lower({text})"), "in", listed.iter().map(folded)),
            Test::NotIn(listed) => self.among(&format!("lower({text})"), "not in", listed.iter().map(folded)),
            Test::IsEmpty => self.push(&format!("{text} = ''")),
            Test::IsNotEmpty => self.push(&format!("{text} <> ''")),
        }
    }

    fn order_test<T: Copy + Into<Arg>>(&mut self, column: &str, test: &Test<Order, T>) {
        match test {
            Test::One(order, value) => self.compare(column, sign(*order), *value),
            Test::In(listed) => self.among(column, "in", listed.iter().copied()),
            Test::NotIn(listed) => self.among(column, "not in", listed.iter().copied()),
            Test::IsEmpty => self.push(&format!("{column} is null")),
            Test::IsNotEmpty => self.push(&format!("{column} is not null")),
        }
    }

    fn compare(&mut self, left: &str, sign: &str, value: impl Into<Arg>) {
        let value = self.bind(value);
        self.push(&format!("{left} {sign} {value}"));
    }

    fn like(&mut self, text: &str, pattern: String) {
        let pattern = self.bind(pattern);
        self.push(&format!("lower({text}) like {pattern} escape '!'"));
    }

    fn among<T: Into<Arg>>(&mut self, left: &str, is: &str, listed: impl Iterator<Item = T>) {
        let holes: Vec<String> = listed.map(|value| self.bind(value)).collect();
        self.push(&format!("{left} {is} ({})", holes.join(", ")));
    }
}

/// A value as a pattern that finds itself, folded. With an escape of our own a backslash has no meaning on either side.
fn verbatim(value: &str) -> String {
    value.to_ascii_lowercase().replace('!', "!!").replace('%', "!%").replace('_', "!_")
}

fn sign(order: Order) -> &'static str {
    match order {
        Order::Eq => "=",
        Order::Ne => "<>",
        Order::Lt => "<",
        Order::Le => "<=",
        Order::Gt => ">",
        Order::Ge => ">=",
    }
}

fn text_column(field: TextField) -> &'static str {
    match field {
        TextField::ClientId => "l.client_id",
        TextField::FirstName => "l.first_name",
        TextField::LastName => "l.last_name",
        TextField::Address => "l.address",
        TextField::City => "l.city",
        TextField::State => "l.state",
        TextField::Zip => "l.zip",
        TextField::Phone => "l.phone",
        TextField::Email => "l.email",
        TextField::Rep => "l.rep",
        TextField::CallStatus => "l.call_status",
        TextField::Campaign => "l.campaign",
        TextField::Subcampaign => "l.subcampaign",
    }
}

fn number_column(field: NumberField) -> &'static str {
    match field {
        NumberField::Attempts => "l.attempts",
        NumberField::AttemptsTotal => "l.attempts_total",
    }
}

fn time_column(field: TimeField) -> &'static str {
    match field {
        TimeField::CreatedAt => "l.created_at",
        TimeField::UpdatedAt => "l.updated_at",
        TimeField::LastAttemptAt => "l.last_attempt_at",
        TimeField::CallbackAt => "l.callback_at",
    }
}

fn flag_column(field: FlagField) -> &'static str {
    match field {
        FlagField::Hot => "l.hot",
    }
}
