//! The do-not-call list from the command line.

use std::{
    fs::File,
    io::{BufRead, BufReader, Read, Write},
    path::PathBuf,
};

use clap::{Subcommand, ValueEnum};
use serde_json::{Value, json};

use super::{AccountName, desk::Desk, meter::Meter, output};
use crate::{
    app::committer::{DncOrder, Done, Work},
    config::Config,
    domain::{dnc::Channel as Closed, phone::Number},
    store::dnc,
};

/// Numbers handed in at once.
const BATCH: usize = 500;
/// Entries read at once.
const PAGE: i64 = 1000;
/// Longest line of a file, in bytes.
const MAX_LINE: u64 = 1000;
/// Most wrong lines that are named.
const MAX_NAMED: usize = 20;

/// What a number is closed to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(super) enum Channel {
    /// Calls
    #[default]
    Voice,
    /// Text messages
    Message,
}

impl From<Channel> for Closed {
    fn from(channel: Channel) -> Self {
        match channel {
            Channel::Voice => Self::Voice,
            Channel::Message => Self::Message,
        }
    }
}

/// The do-not-call list.
#[derive(Debug, Subcommand)]
pub(super) enum Dnc {
    /// Put numbers on the list; leads with these numbers become DO NOT CALL
    #[command(after_help = r#"Example:
  cti-gateway dnc add --account acme --number "(202) 555-0123" --number +493012345678"#)]
    Add {
        #[command(flatten)]
        account: AccountName,
        /// The number (repeatable); without a country code it belongs to the account's region
        #[arg(long = "number", value_name = "NUMBER", required = true)]
        numbers: Vec<String>,
        /// What it is closed to
        #[arg(long, default_value = "voice")]
        channel: Channel,
    },
    /// Take numbers off the list; their leads stay as they are
    Remove {
        #[command(flatten)]
        account: AccountName,
        /// The number (repeatable)
        #[arg(long = "number", value_name = "NUMBER", required = true)]
        numbers: Vec<String>,
        /// What it was closed to
        #[arg(long, default_value = "voice")]
        channel: Channel,
    },
    /// List the numbers
    List {
        #[command(flatten)]
        account: AccountName,
        /// One channel; both when absent
        #[arg(long)]
        channel: Option<Channel>,
        /// Only this number
        #[arg(long)]
        number: Option<String>,
    },
    /// Put every number of a file on the list: one per line
    ///
    /// Empty lines and what follows a # are passed over. Every number that can be read is put on the list; lines without
    /// one are named at the end, and the command fails. Importing a file again changes nothing.
    #[command(after_help = r#"Examples:
  cti-gateway dnc import --account acme numbers.txt
  cut -d, -f3 export.csv | cti-gateway dnc import --account acme -"#)]
    Import {
        #[command(flatten)]
        account: AccountName,
        /// The file; `-` is the standard input
        file: PathBuf,
        /// What they are closed to
        #[arg(long, default_value = "voice")]
        channel: Channel,
    },
}

impl Dnc {
    pub(super) async fn run(self, config: &Config, json: bool) -> anyhow::Result<()> {
        match self {
            Self::Add { account, numbers, channel } => {
                let desk = Desk::open(config, &account).await?;
                change(desk, &numbers, channel, true, json).await
            }
            Self::Remove { account, numbers, channel } => {
                let desk = Desk::open(config, &account).await?;
                change(desk, &numbers, channel, false, json).await
            }
            Self::List { account, channel, number } => {
                let desk = Desk::open(config, &account).await?;
                let channels = channel.map_or_else(|| vec![Closed::Voice, Closed::Message], |channel| vec![channel.into()]);
                for channel in channels {
                    list(&desk, channel, number.as_deref(), json).await?;
                }
                desk.close().await;
                Ok(())
            }
            Self::Import { account, file, channel } => {
                let from = file.as_os_str() == "-";
                let named = |error| anyhow::anyhow!("{}: {error}", file.display());
                let text: Box<dyn Read + Send> =
                    if from { Box::new(std::io::stdin()) } else { Box::new(File::open(&file).map_err(named)?) };
                let length = if from { None } else { std::fs::metadata(&file).ok().map(|data| data.len()) };
                let desk = Desk::open(config, &account).await?;
                import(desk, BufReader::new(text), length, channel.into(), json).await
            }
        }
    }
}

fn read(desk: &Desk, raw: &str) -> Option<Number> {
    Number::read(raw, desk.account.region).filter(|number| !number.is_extension())
}

fn order(number: Number, channel: Closed, listed: bool) -> DncOrder {
    DncOrder { channel, number, listed, source: "cli" }
}

async fn change(desk: Desk, numbers: &[String], channel: Channel, listed: bool, json: bool) -> anyhow::Result<()> {
    let read =
        |raw: &String| read(&desk, raw).ok_or_else(|| anyhow::anyhow!("--number {raw:?} is no telephone number: nothing was changed"));
    let numbers = numbers.iter().map(read).collect::<anyhow::Result<Vec<Number>>>()?;
    let channel = Closed::from(channel);
    let orders: Vec<DncOrder> = numbers.iter().map(|number| order(number.clone(), channel, listed)).collect();
    let changed = apply(&desk, orders).await?;
    let row =
        |(number, changed): (&Number, bool)| json!({"number": number, "channel": channel.word(), "listed": listed, "changed": changed});
    let rows: Vec<Value> = numbers.iter().zip(changed).map(row).collect();
    desk.close().await;
    output::table(json, &["number", "channel", "listed", "changed"], &rows, "")
}

async fn apply(desk: &Desk, orders: Vec<DncOrder>) -> anyhow::Result<Vec<bool>> {
    match desk.submit(Work::Dnc(orders)).await? {
        Done::Dnc(changed) => Ok(changed),
        _ => Ok(vec![]),
    }
}

/// Prints page after page: a list may be long.
async fn list(desk: &Desk, channel: Closed, number: Option<&str>, json: bool) -> anyhow::Result<()> {
    let (on, account) = (desk.db.read(), desk.account.id);
    let mut out = std::io::stdout().lock();
    let mut show = |row: &dnc::DncRow| -> std::io::Result<()> {
        if json {
            let row = json!({"number": row.number, "channel": row.channel, "source": row.source, "created": row.created_at});
            return writeln!(out, "{row}");
        }
        writeln!(out, "{:<18} {:<8} {:<9} {}", row.number, row.channel, row.source, row.created_at.format("%Y-%m-%d %H:%M:%S"))
    };
    if let Some(raw) = number {
        let number = read(desk, raw).ok_or_else(|| anyhow::anyhow!("--number {raw:?} is no telephone number"))?;
        return Ok(dnc::get(on, account, channel, &number).await?.iter().try_for_each(show)?);
    }
    let mut after = String::new();
    loop {
        let rows = dnc::page(on, account, channel, &after, PAGE).await?;
        let Some(last) = rows.last() else { return Ok(()) };
        rows.iter().try_for_each(&mut show)?;
        after.clone_from(&last.number);
    }
}

async fn import(desk: Desk, mut text: impl BufRead, length: Option<u64>, channel: Closed, json: bool) -> anyhow::Result<()> {
    let mut meter = Meter::start(length.unwrap_or_default(), "numbers");
    let (mut lines, mut bytes, mut added, mut numbers) = (0_u64, 0_u64, 0_u64, 0_u64);
    let (mut wrong, mut orders) = (Vec::new(), Vec::with_capacity(BATCH));
    let mut line = Vec::new();
    loop {
        line.clear();
        let length = (&mut text).take(MAX_LINE).read_until(b'\n', &mut line)?;
        lines += 1;
        bytes += length as u64;
        anyhow::ensure!(length as u64 != MAX_LINE, "line {lines} is longer than {MAX_LINE} bytes: expected one number per line");
        let raw = String::from_utf8_lossy(&line);
        let raw = raw.trim_start_matches('\u{feff}').split('#').next().unwrap_or_default().trim().trim_matches('"').trim();
        match read(&desk, raw) {
            Some(number) => orders.push(order(number, channel, true)),
            // a list may have a heading
            None if raw.is_empty() || (lines == 1 && !raw.contains(|c: char| c.is_ascii_digit())) => {}
            None => wrong.push(lines),
        }
        if orders.len() == BATCH || (length == 0 && !orders.is_empty()) {
            numbers += orders.len() as u64;
            added += apply(&desk, std::mem::take(&mut orders)).await?.into_iter().filter(|changed| *changed).count() as u64;
            meter.show(bytes, numbers);
        }
        if length == 0 {
            break;
        }
    }
    meter.end();
    desk.close().await;
    output::record(json, &json!({"channel": channel.word(), "numbers": numbers, "added": added, "wrong": wrong.len()}))?;
    let named: Vec<String> = wrong.iter().take(MAX_NAMED).map(u64::to_string).collect();
    let more = if wrong.len() > MAX_NAMED { " and more" } else { "" };
    anyhow::ensure!(wrong.is_empty(), "no telephone number in line {}{more}; the others are on the list", named.join(", "));
    Ok(())
}
